"""The serving read: which version of a model is in Production, for serving systems.

There is no cache, so an answer always includes the last commit. `production_answer` covers the common case, a valid
token and a model in Production, with one statement that reads the token, its user and the version by unique indexes.
`production_response` answers in all other cases (refusals, sessions, other methods), so that no rule exists twice.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import psycopg
from django.db import Error, connection
from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.authentication import AUTHENTICATED_USER_SQL, presented_secret, token_digest
from core.actors import Actor, Scope
from core.columns import listed, table_of
from core.errors import NotAuthenticated, NotFound
from core.postgresql.reads import frequent_rows
from core.times import iso_utc
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import default_level, visible_models
from registry.queries import current_production

_COLUMNS = (
    "id", "version", "stage", "artifact_digest", "source", "artifact_path",
    "approved_by", "approved_at", "approval_basis", "staged_at", "staged_by", "run_id", "review_due_at",
)  # fmt: skip
_SQL = (
    f"SELECT c.scopes, c.is_superuser, {listed(_COLUMNS, of='v')} "  # noqa: S608 - names
    f"FROM ({AUTHENTICATED_USER_SQL}) c "
    f"JOIN {table_of(RegisteredModel)} m ON m.name = %s AND m.deleted_at IS NULL "
    f"JOIN {table_of(ModelVersion)} v ON v.model_id = m.id AND v.is_current"
)
_SQL_SQLITE = _SQL.replace("%s", "?")
_SCOPE = f'"{Scope.REGISTRY_READ.value}"'
_SCHEME = "mlflow-artifacts:/"
CACHING = "private, no-cache"


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a successful read: status 200 with a body, or 304 without one."""

    status: int
    etag: str
    body: bytes


def production_answer(name: str, authorization: str, if_none_match: str) -> Answer | None:
    """Return the answer to a successful request with a token, or None where the regular view must decide."""
    try:
        secret = presented_secret(authorization)
    except NotAuthenticated:
        return None
    row = _find(name, secret) if secret and "\x00" not in name else None
    if row is None or _SCOPE not in row[0] or not (row[1] or default_level() is not None):
        return None
    return _answer(name, dict(zip(_COLUMNS, row[2:], strict=True)), if_none_match)


def production_response(actor: Actor, name: str, if_none_match: str) -> HttpResponse:
    """Return the response for an authenticated caller.

    Raises NotFound where nothing that they may see is in Production.
    """
    version = current_production(actor, name)
    if version is None:
        raise NotFound(nothing_in_production(name))
    return _response(_answer(name, row_of(version), if_none_match))


def nothing_in_production(name: str) -> str:
    """Return the message for a model that has nothing in Production."""
    return f"{name} has no version in Production."


def production_of_models(actor: Actor, names: Sequence[str], if_none_match: str) -> HttpResponse:
    """Return the response about several models: the current Production version by name; one query.

    It is null for a name of which the actor may see no model, or a model with nothing in Production. The ETag changes
    with any of them.
    """
    rows = ModelVersion.objects.filter(model__in=visible_models(actor).filter(name__in=names), is_current=True)
    current = {row.model.name: row_of(row) for row in rows.select_related("model")}
    etag = etag_of_models(names, {name: _state_of(row)[0] for name, row in current.items()})
    if if_none_match and matches(etag, if_none_match):
        return _response(Answer(304, etag, b""))
    models = {name: _body_with_review(name, current[name]) if name in current else None for name in names}
    return _response(Answer(200, etag, orjson.dumps({"models": models})))


def etag_of_models(names: Sequence[str], etags: Mapping[str, str]) -> str:
    """Return the ETag of an answer about these models; ``etags`` are those of the models that have a version to see."""
    return f'"{hashlib.sha256(orjson.dumps([etags.get(name) for name in names])).hexdigest()[:32]}"'


def row_of(version: ModelVersion) -> dict[str, Any]:
    """Return the columns of a version that `state_of_row` reads."""
    return {column: getattr(version, column) for column in _COLUMNS}


def state_of_row(name: str, row: dict[str, Any]) -> tuple[str, bytes]:
    """Return the ETag and the body of the answer about a model whose Production version has these columns."""
    etag, overdue = _state_of(row)
    return etag, orjson.dumps(_body_of(name, row, overdue=overdue))


def _response(answer: Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status, content_type="application/json")
    response["ETag"] = answer.etag
    response["Cache-Control"] = CACHING
    patch_vary_headers(response, ["Authorization", "Cookie"])
    return response


def _find(name: str, secret: str) -> Any:
    """Return the row of the statement, None for none. It uses the driver: the ORM would take longer than the query."""
    now = timezone.now()
    digest = token_digest(secret)
    rows = frequent_rows(_SQL, (digest, iso_utc(now), name))
    if rows is not None:
        return rows[0] if rows else None
    try:
        connection.ensure_connection()
        with connection.wrap_database_errors:  # Django checks the connection after such an error
            if connection.vendor == "sqlite":
                values = (digest, connection.ops.adapt_datetimefield_value(now), name)
                return connection.connection.execute(_SQL_SQLITE, values).fetchone()
            # Django's cursors bind parameters on the client and cannot prepare the statement: planning it again would
            # take most of the time.
            return psycopg.Cursor(connection.connection).execute(_SQL, (digest, now, name), prepare=True).fetchone()
    except Error:
        return None  # the regular view meets the same error and reports it


def _answer(name: str, row: dict[str, Any], if_none_match: str) -> Answer:
    etag, overdue = _state_of(row)
    if if_none_match and matches(etag, if_none_match):
        return Answer(304, etag, b"")
    return Answer(200, etag, orjson.dumps(_body_of(name, row, overdue=overdue)))


def _state_of(row: dict[str, Any]) -> tuple[str, bool]:
    """Return the ETag of a version in Production, and whether its review is overdue."""
    review_due_at = _iso(row["review_due_at"])
    overdue = review_due_at is not None and _moment(review_due_at) <= timezone.now()
    review_part = f"-{review_due_at}{'!' * overdue}" if review_due_at else ""
    return f'"{row["id"]}-{_iso(row["staged_at"])}-{row["artifact_digest"][-12:]}{review_part}"', overdue


def _body_with_review(name: str, row: dict[str, Any]) -> dict[str, Any]:
    return _body_of(name, row, overdue=_state_of(row)[1])


def _body_of(name: str, row: dict[str, Any], *, overdue: bool) -> dict[str, Any]:
    path = row["artifact_path"]
    return {
        "name": name,
        "version": row["version"],
        "stage": row["stage"],
        "digest": row["artifact_digest"],
        "source": row["source"],
        "download_uri": f"{_SCHEME}{path}" if path else row["source"],
        "run_id": row["run_id"],
        "approved_by": row["approved_by"],
        "approved_at": _iso(row["approved_at"]),
        "approval_basis": _json(row["approval_basis"]),
        "approval_statements": f"/api/v1/models/{quote(name, safe='')}/versions/{row['version']}/approval-statements",
        "promoted_by": row["staged_by"],
        "promoted_at": _iso(row["staged_at"]),
        "review_due_at": _iso(row["review_due_at"]),
        "review_overdue": overdue,
    }


def matches(etag: str, header: str) -> bool:
    """Return whether an If-None-Match header names this ETag."""
    return header.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in header.split(","))


def _json(value: Any) -> Any:
    """Return a JSON column as a value; SQLite's driver gives its text."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _moment(text: str) -> datetime.datetime:
    """Return the moment that `_iso` wrote."""
    return datetime.datetime.fromisoformat(text)


def _iso(value: datetime.datetime | str | None) -> str | None:
    """Return a time as ISO 8601 in UTC. SQLite's driver gives a text that is in UTC already."""
    if value is None:
        return None
    if isinstance(value, str):
        return f"{value.replace(' ', 'T')}Z"
    return iso_utc(value)
