"""The right to change a run as a condition of hand-written SQL, for the calls that log to it."""

from __future__ import annotations

from accounts.models import User
from core.actors import Actor
from core.columns import table_of
from tracking.models import Experiment, ExperimentGrant, ExperimentLevel, PatternGrant, Run
from tracking.permissions.levels import everybody_has

_MINE = (
    f"(g.user_id = %s OR g.group_id IN (SELECT group_id FROM {User.groups.through._meta.db_table} WHERE user_id = %s))"  # noqa: S608, SLF001 - names; Django's own name for it
)
_RUN = table_of(Run)
_NEEDED = f"g.level >= CASE WHEN {_RUN}.created_by = %s THEN {ExperimentLevel.READ} ELSE {ExperimentLevel.EDIT} END"
# PostgreSQL reads an OR from the left: where the default decides, or a run is the caller's, no grant is read.
MAY_LOG = (
    f"NOT {_RUN}.is_registered AND (%s::boolean OR ({_RUN}.created_by = %s AND %s::boolean) "  # noqa: S608 - names
    f"OR EXISTS (SELECT FROM {table_of(ExperimentGrant)} AS g "
    f"WHERE g.experiment_id = {_RUN}.experiment_id AND {_NEEDED} AND {_MINE}) "
    f"OR EXISTS (SELECT FROM {table_of(PatternGrant)} AS g JOIN {table_of(Experiment)} AS e "
    f"ON e.id = {_RUN}.experiment_id AND e.name LIKE g.like_pattern WHERE {_NEEDED} AND {_MINE}))"
)


def may_log_values(actor: Actor) -> list[object]:
    """Return the values of MAY_LOG for an actor. Other callers are checked by the services, which return the reason."""
    grant = [actor.name, actor.user_id or 0, actor.user_id or 0]
    edits_all = everybody_has(ExperimentLevel.EDIT, actor)
    return [edits_all, actor.name, everybody_has(ExperimentLevel.READ, actor), *grant, *grant]
