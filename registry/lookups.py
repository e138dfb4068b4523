"""Which version is it: by stage or by alias, as machines ask it all day. One statement by unique indexes, no cache.

An ordinary success only: a model that is there and that everybody signed in may read (or the caller rules all). For
everything else these return nothing, and `registry.queries` answers or refuses, so no rule is written twice.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from audit.actors import Actor
from audit.statements import Statement, fetch, text_array
from registry.permissions import sees_every_model
from registry.stages import Stage


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version as the protocol shows it. ``tags`` and ``aliases`` are in no order."""

    name: str
    version: int
    created_ms: int
    updated_ms: int
    created_by: str
    stage: str
    description: str
    source: str
    run_id: str
    run_link: str
    tags: dict[str, str]
    aliases: list[str]


VERSION_COLUMNS = (
    "version", "created_ms", "updated_ms", "created_by", "stage", "description", "source", "run_id", "run_link",
)  # fmt: skip
_SELECT = (
    f"SELECT m.name, {', '.join(f'v.{column}' for column in VERSION_COLUMNS)}, "  # noqa: S608 - names of columns
    "(SELECT CAST({objects}(t.key, t.value) AS text) FROM registry_modelversiontag t WHERE t.version_id = v.id), "
    "(SELECT CAST({lists}(a.name) AS text) FROM registry_alias a WHERE a.version_id = v.id) "
    "FROM registry_registeredmodel m "
)
# In each stage the highest number; in Production the current one, which need not be the highest.
_BY_STAGE = (
    _SELECT + "CROSS JOIN {stages} s JOIN registry_modelversion v ON v.model_id = m.id AND v.version = ("
    "SELECT max(h.version) FROM registry_modelversion h WHERE h.model_id = m.id AND h.stage = s.value "
    f"AND h.deleted_at IS NULL AND (h.is_current OR h.stage <> '{Stage.PRODUCTION.value}')) "
    "WHERE m.name = %s AND m.deleted_at IS NULL ORDER BY v.version"
)
_BY_ALIAS = (
    _SELECT + "JOIN registry_alias b ON b.model_id = m.id AND b.name = %s "
    "JOIN registry_modelversion v ON v.id = b.version_id AND v.deleted_at IS NULL "
    "WHERE m.name = %s AND m.deleted_at IS NULL"
)


def _both(text: str) -> Statement:
    return Statement(
        text.format(objects="json_object_agg", lists="json_agg", stages="(SELECT unnest(%s::text[]) AS value)"),
        text.format(objects="json_group_object", lists="json_group_array", stages="json_each(%s)"),
    )


_STAGES, _ALIAS = _both(_BY_STAGE), _both(_BY_ALIAS)


def latest_by_stage(actor: Actor, name: str, stages: Collection[Stage]) -> list[FoundVersion]:
    """Return the version that counts in each stage (in all when none are named), by version number; none where unsure."""
    wanted = sorted({str(stage.value) for stage in stages or Stage})
    among = text_array(wanted) if connection.vendor == "postgresql" else orjson.dumps(wanted).decode()
    return _found(actor, _STAGES, [among, name])


def version_of_alias(actor: Actor, name: str, alias: str) -> FoundVersion | None:
    """Return the version that an alias stands for; None where unsure."""
    found = _found(actor, _ALIAS, [alias, name])
    return found[0] if found else None


def _found(actor: Actor, statement: Statement, values: list[object]) -> list[FoundVersion]:
    if not sees_every_model(actor):
        return []
    return [_version(row) for row in fetch(statement, values)]


def _version(row: tuple[Any, ...]) -> FoundVersion:
    *columns, tags, aliases = row
    return FoundVersion(*columns, orjson.loads(tags or "{}"), orjson.loads(aliases or "[]"))
