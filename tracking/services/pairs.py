"""Keeping the params and tags of a run that the caller has locked: one statement each, however many there are."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from core.statements import Statement, fetch, run

_PARAMS, _TAGS = "tracking_param", "tracking_runtag"


def _both(text: str) -> Statement:
    """Return a statement over the pairs of a JSON object; both databases call them key and value."""
    return Statement(text.format(pairs="json_each_text(%s)"), text.format(pairs="json_each(%s)"))


# SQLite needs the WHERE to know that the ON which follows is not one of a join.
_ADD_PARAMS = _both(
    f"INSERT INTO {_PARAMS} (run_id, key, value) SELECT %s, key, value FROM {{pairs}} WHERE true "  # noqa: S608 - constants
    "ON CONFLICT (run_id, key) DO NOTHING RETURNING key"
)
_PUT_TAGS = _both(
    f"INSERT INTO {_TAGS} (run_id, key, value) SELECT %s, key, value FROM {{pairs}} WHERE true "  # noqa: S608 - constants
    "ON CONFLICT (run_id, key) DO UPDATE SET value = excluded.value"
)
_HELD_PARAMS = _both(
    f"SELECT key, value FROM {_PARAMS} WHERE run_id = %s AND key IN (SELECT key FROM {{pairs}})"  # noqa: S608 - constants
)
_HELD_TAGS = _both(
    f"SELECT key, value FROM {_TAGS} WHERE run_id = %s AND key IN (SELECT key FROM {{pairs}})"  # noqa: S608 - constants
)


def add_params(run_id: str, params: Mapping[str, str]) -> set[str]:
    """Insert the params that are new and return their keys; others keep their values."""
    return {key for (key,) in fetch(_ADD_PARAMS, [run_id, as_object(params)])}


def held_params(run_id: str, among: Mapping[str, str]) -> dict[str, str]:
    """Return the params that the run has of these keys."""
    return dict(fetch(_HELD_PARAMS, [run_id, as_object(among)]))


def held_tags(run_id: str, among: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that the run has of these keys."""
    return dict(fetch(_HELD_TAGS, [run_id, as_object(among)]))


def put_tags(run_id: str, tags: Mapping[str, str]) -> None:
    """Insert tags; those that are there get the new values."""
    run(_PUT_TAGS, [run_id, as_object(tags)])


def as_object(pairs: Mapping[str, str]) -> str:
    """Return pairs as the JSON object that the statements take."""
    return orjson.dumps(dict(pairs)).decode()
