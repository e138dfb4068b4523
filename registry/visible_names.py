"""Names of models that an actor may see, chosen from many names in one hand-written statement.

Every answer about lineage asks this. With the ORM the statement takes longer to build than to run.
"""

from __future__ import annotations

import json
from collections.abc import Collection

from django.contrib.auth.models import Permission
from django.db import connection

from accounts.models import User
from core.actors import Actor, ActorKind
from core.columns import table_of
from core.statements import Statement, fetch, text_array
from registry.models import ModelGroupGrant, ModelUserGrant, RegisteredModel
from registry.permissions import CODENAMES, default_level, rules_all

_AMONG = ("IN (SELECT unnest(%s::text[]))", "IN (SELECT value FROM json_each(%s))")
_LIVE = f"SELECT m.name FROM {table_of(RegisteredModel)} m WHERE m.deleted_at IS NULL AND m.name "  # noqa: S608 - names
_GRANTED = (
    f"JOIN {table_of(Permission)} p ON p.id = g.permission_id WHERE p.codename IN "
    f"({', '.join(repr(codename) for codename in sorted(CODENAMES))}) AND "
)
_OF_ACTOR = (
    f" AND (m.id IN (SELECT g.content_object_id FROM {table_of(ModelUserGrant)} g {_GRANTED}g.user_id = %s) "  # noqa: S608 - names
    f"OR m.id IN (SELECT g.content_object_id FROM {table_of(ModelGroupGrant)} g "
    f"JOIN {table_of(User.groups.through)} h ON h.group_id = g.group_id {_GRANTED}h.user_id = %s))"
)
_ALL = Statement(*(_LIVE + among for among in _AMONG))
_SOME = Statement(*(_LIVE + among + _OF_ACTOR for among in _AMONG))


def visible_names(actor: Actor, names: Collection[str]) -> set[str]:
    """Return those of the names that are names of models the actor may see, as `visible_models` decides it."""
    if not names:
        return set()
    ordered = sorted(names)
    among = text_array(ordered) if connection.vendor == "postgresql" else json.dumps(ordered)
    if rules_all(actor):
        return {name for (name,) in fetch(_ALL, [among])}
    if actor.kind is ActorKind.ANONYMOUS or actor.user_id is None:
        return set()
    if default_level() is not None:
        return {name for (name,) in fetch(_ALL, [among])}
    return {name for (name,) in fetch(_SOME, [among, actor.user_id, actor.user_id])}
