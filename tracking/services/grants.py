"""Grants on experiments: managers grant levels on their experiment, superusers by pattern. Every change is an event."""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db import transaction

from accounts.principals import PrincipalKind, find_principals
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Denied, InvalidInput, NotFound
from core.refs import experiment_pattern_ref, experiment_ref
from tracking.models import Experiment, ExperimentLevel, PatternGrant
from tracking.permissions.grants import (
    Grant,
    all_patterns,
    drop_grant,
    drop_pattern,
    grants_of,
    put_grant,
    put_pattern,
)
from tracking.permissions.levels import DEFAULT_EXPERIMENT, rules_all
from tracking.services.experiments import lock_experiment

MAX_GRANTS = 1000
MAX_PATTERNS = 1000
_MAX_PATTERN = 500
_IN_ONE_EVENT = 20
# Characters with a special meaning in GLOB; only `*` has one here.
_FORBIDDEN = re.compile(r"[?\[\]\x00-\x1f]")
_ACTION = Action.TRACKING_EXPERIMENT_PERMISSIONS_CHANGED
_Facts = dict[str, object]


@transaction.atomic
def set_experiment_grants(
    *, actor: Actor, experiment_id: str | int, grants: Sequence[Grant], replace: bool = False
) -> Experiment:
    """Give each named user, service account and group exactly this level; with ``replace`` all others lose theirs.

    Raises NotFound (the experiment, or somebody named), Denied to all who do not manage it, InvalidInput (somebody
    named twice, too many, `manage` on the experiment that everybody logs to).
    """
    if len(grants) > MAX_GRANTS:
        raise InvalidInput(f"An experiment has at most {MAX_GRANTS} grants.")
    experiment = lock_experiment(actor, experiment_id, ExperimentLevel.MANAGE, _ACTION)
    if experiment.pk == DEFAULT_EXPERIMENT and any(grant.level == ExperimentLevel.MANAGE for grant in grants):
        raise InvalidInput("Everybody logs to this experiment, so only superusers manage it. Grant `read` or `edit`.")
    principals = find_principals([(grant.kind, grant.name) for grant in grants])
    before = _facts(grants_of(experiment))
    if replace:
        experiment.grants.all().delete()
    for principal, grant in zip(principals, grants, strict=True):
        put_grant(experiment, principal, grant.level)
    _record(actor, experiment_ref(experiment.pk), before, _facts(grants_of(experiment)))
    return experiment


@transaction.atomic
def revoke_experiment_grant(
    *, actor: Actor, experiment_id: str | int, kind: PrincipalKind, principal: str
) -> Experiment:
    """Revoke the grant of one user, service account or group on an experiment; others keep theirs.

    Raises NotFound (the experiment, somebody named, nothing granted), Denied to all who do not manage it, InvalidInput
    (the experiment's id).
    """
    experiment = lock_experiment(actor, experiment_id, ExperimentLevel.MANAGE, _ACTION)
    (row,) = find_principals([(kind, principal)])
    before = _facts(grants_of(experiment))
    if not drop_grant(experiment, row):
        raise NotFound(f"{principal} has no grant on the experiment {experiment.name}.")
    _record(actor, experiment_ref(experiment.pk), before, _facts(grants_of(experiment)))
    return experiment


@transaction.atomic
def set_pattern_grant(*, actor: Actor, grant: Grant) -> None:
    """Give somebody a level on every experiment whose name matches the pattern of the grant, in which `*` is any text.

    Raises NotFound (nobody of that name), Denied to all but superusers, InvalidInput (the pattern, too many of them).
    """
    require_to_grant_by_name(actor, grant.pattern)
    pattern = _checked_pattern(grant.pattern)
    (row,) = find_principals([(grant.kind, grant.name)])
    if PatternGrant.objects.count() >= MAX_PATTERNS:
        raise InvalidInput(f"There are {MAX_PATTERNS} grants by pattern already. Give levels to groups.")
    before = _of_pattern(pattern)
    put_pattern(pattern, _like(pattern), row, grant.level)
    _record(actor, experiment_pattern_ref(pattern), before, _of_pattern(pattern))


@transaction.atomic
def revoke_pattern_grant(*, actor: Actor, pattern: str, kind: PrincipalKind, principal: str) -> None:
    """Revoke somebody's grant by a pattern. Raises NotFound, InvalidInput, Denied to all but superusers."""
    require_to_grant_by_name(actor, pattern)
    (row,) = find_principals([(kind, principal)])
    before = _of_pattern(pattern)
    if not drop_pattern(pattern, row):
        raise NotFound(f"{principal} has no grant on experiments called {pattern[:_MAX_PATTERN]}.")
    _record(actor, experiment_pattern_ref(pattern), before, _of_pattern(pattern))


def require_to_grant_by_name(actor: Actor, pattern: str) -> None:
    """Raise Denied for all but superusers."""
    if not rules_all(actor):
        raise Denied(
            "Only superusers grant levels by the names of experiments.",
            action=_ACTION,
            obj=experiment_pattern_ref(pattern[:_MAX_PATTERN]),
        )


def _checked_pattern(pattern: str) -> str:
    if not pattern or len(pattern) > _MAX_PATTERN:
        raise InvalidInput(f"A pattern has 1 to {_MAX_PATTERN} characters.")
    if _FORBIDDEN.search(pattern):
        raise InvalidInput("In a pattern only * has a meaning: any text. It cannot hold ?, [, ] or control characters.")
    return pattern


def _like(pattern: str) -> str:
    """Return the pattern for LIKE, in which %, _ and the backslash are special."""
    plain = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return plain.replace("*", "%")


def _of_pattern(pattern: str) -> _Facts:
    return _facts([grant for grant in all_patterns() if grant.pattern == pattern])


def _facts(grants: Sequence[Grant]) -> _Facts:
    return {f"{grant.kind}:{grant.name}": grant.level.name.lower() for grant in grants}


def _record(actor: Actor, obj: str, before: _Facts, after: _Facts) -> None:
    """Record the changed grants, in as many events as needed, because the size of an event is limited."""
    changed = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    for first in range(0, len(changed), _IN_ONE_EVENT):
        batch = changed[first : first + _IN_ONE_EVENT]
        old, new = ({name: facts[name] for name in batch if name in facts} for facts in (before, after))
        record(actor=actor, action=_ACTION, obj=obj, before=old, after=new)
