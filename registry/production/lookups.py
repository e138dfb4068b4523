"""Fast lookup of a version by stage or alias: one SQL statement reads the token, its user and the version. And the
versions with given ids, for long lists.

The statements of lookups use unique indexes and no cache, as in `registry.production.serving`. They cover the common
case: a valid token with the right scope, of a user who may read every model, and a version that exists. In every other
case they return nothing. The caller then uses the regular view, which answers or refuses.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import Error, connection
from django.utils import timezone

from accounts.authentication import AUTHENTICATED_USER_SQL, presented_secret, token_digest
from core.actors import Scope
from core.columns import columns_of, listed, table_of
from core.errors import NotAuthenticated
from core.postgresql.reads import frequent_rows
from core.statements import Statement, fetch, text_array
from core.times import iso_utc
from registry.models import Alias, ModelVersion, ModelVersionTag, RegisteredModel
from registry.permissions import default_level
from registry.stages import Stage


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version as MLflow's protocol shows it: the model's name, VERSION_COLUMNS, tags and aliases (not sorted)."""

    name: str
    version: int
    stage: str
    description: str
    source: str
    run_id: str
    run_link: str
    created_by: str
    created_ms: int
    updated_ms: int
    tags: dict[str, str]
    aliases: list[str]


# MLflow's protocol has no field for these columns. Only Custody's own API and pages show them.
_NOT_IN_PROTOCOL = (
    "model_id", "is_current", "logged_model_id", "artifact_path", "artifact_digest", "payload_digest", "copied_from_id",
    "staged_by", "staged_at", "approved_by", "approved_at", "approval_basis", "fully_validated_at",
    "superseded_at", "superseded_by_id", "archive_after", "review_due_at", "deleted_at",
)  # fmt: skip
VERSION_COLUMNS = columns_of(ModelVersion, without=_NOT_IN_PROTOCOL)
_VERSIONS = table_of(ModelVersion)
_SHOWN = (
    f"m.name, {listed(VERSION_COLUMNS, of='v')}, "  # noqa: S608 - names
    f"(SELECT CAST({{objects}}(t.key, t.value) AS text) FROM {table_of(ModelVersionTag)} t WHERE t.version_id = v.id), "
    f"(SELECT CAST({{lists}}(a.name) AS text) FROM {table_of(Alias)} a WHERE a.version_id = v.id) "
)
_SELECT = (
    f"SELECT c.scopes, c.is_superuser, {_SHOWN}"
    f"FROM ({AUTHENTICATED_USER_SQL}) c CROSS JOIN {table_of(RegisteredModel)} m "
)
# In each stage the highest number; in Production the current one, which need not be the highest.
_BY_STAGE = (
    f"{_SELECT}CROSS JOIN {{stages}} s JOIN {_VERSIONS} v ON v.model_id = m.id AND v.version = ("  # noqa: S608 - names
    f"SELECT max(h.version) FROM {_VERSIONS} h WHERE h.model_id = m.id AND h.stage = s.value "
    f"AND h.deleted_at IS NULL AND (h.is_current OR h.stage <> '{Stage.PRODUCTION.value}')) "
    "WHERE m.name = %s AND m.deleted_at IS NULL ORDER BY v.version"
)
# The most frequent lookup: a constraint ensures that the current version is in Production and not deleted.
_CURRENT = (
    f"{_SELECT}JOIN {_VERSIONS} v ON v.model_id = m.id AND v.is_current WHERE m.name = %s AND m.deleted_at IS NULL"
)
_BY_ALIAS = (
    f"{_SELECT}JOIN {table_of(Alias)} b ON b.model_id = m.id AND b.name = %s "
    f"JOIN {_VERSIONS} v ON v.id = b.version_id AND v.deleted_at IS NULL "
    "WHERE m.name = %s AND m.deleted_at IS NULL"
)
_OF_IDS = (
    f"SELECT v.id, {_SHOWN} FROM {_VERSIONS} v JOIN {table_of(RegisteredModel)} m ON m.id = v.model_id "  # noqa: S608 - names
    "WHERE v.id {among}"
)
_SCOPE = f'"{Scope.REGISTRY_READ.value}"'


def _both(text: str) -> Statement:
    return Statement(
        text.format(
            objects="json_object_agg",
            lists="json_agg",
            stages="(SELECT unnest(%s::text[]) AS value)",
            among="= ANY(%s::bigint[])",
        ),
        text.format(
            objects="json_group_object",
            lists="json_group_array",
            stages="json_each(%s)",
            among="IN (SELECT value FROM json_each(%s))",
        ),
    )


_STAGES, _PRODUCTION, _ALIAS = _both(_BY_STAGE), _both(_CURRENT), _both(_BY_ALIAS)
_IDS = _both(_OF_IDS)


def shown_versions(version_ids: Sequence[int]) -> list[ShownVersion]:
    """Return those of the versions that exist, in the order of ``version_ids``. One query.

    The caller must know that the actor may read them.
    """
    if not version_ids:
        return []
    ids = orjson.dumps(list(version_ids)).decode()
    among = f"{{{ids[1:-1]}}}" if connection.vendor == "postgresql" else ids
    versions = {row_id: _version(columns) for row_id, *columns in fetch(_IDS, [among])}
    return [versions[row_id] for row_id in version_ids if row_id in versions]


def latest_by_stage(authorization: str, name: str, stages: Collection[Stage]) -> list[ShownVersion]:
    """Return the latest version in each of these stages, ordered by number. Without ``stages``: in every stage.

    Returns [] where the regular view must answer or refuse.
    """
    stage_names = sorted({str(stage.value) for stage in stages or Stage})
    if stage_names == [Stage.PRODUCTION.value]:
        return _read_versions(authorization, _PRODUCTION, [name])
    names = text_array(stage_names) if connection.vendor == "postgresql" else orjson.dumps(stage_names).decode()
    return _read_versions(authorization, _STAGES, [names, name])


def version_of_alias(authorization: str, name: str, alias: str) -> ShownVersion | None:
    """Return the version that an alias points to, None where the regular view must answer or refuse."""
    versions = _read_versions(authorization, _ALIAS, [alias, name])
    return versions[0] if versions else None


def _read_versions(authorization: str, statement: Statement, values: list[str]) -> list[ShownVersion]:
    now: Any = timezone.now()
    try:
        secret = presented_secret(authorization) or ""
        at = connection.ops.adapt_datetimefield_value(now)
        digest = token_digest(secret)
        rows = frequent_rows(statement.postgresql, (digest, iso_utc(now), *values))
        if rows is None:
            rows = fetch(statement, [digest, at, *values])
    except (NotAuthenticated, Error):
        return []  # the regular view meets the same error and reports it
    return [_version(columns) for scopes, is_superuser, *columns in rows if _may_read(scopes, is_superuser)]


def _may_read(scopes: str, is_superuser: object) -> bool:
    return _SCOPE in scopes and (bool(is_superuser) or default_level() is not None)


def _version(row: list[Any]) -> ShownVersion:
    *values, tags, aliases = row
    columns = dict(zip(("name", *VERSION_COLUMNS), values, strict=True))
    return ShownVersion(**columns, tags=orjson.loads(tags or "{}"), aliases=orjson.loads(aliases or "[]"))
