"""Storing the params and tags of a run that the caller has locked: one statement each, however many there are."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from core.columns import columns_of, listed, table_of, unique_columns
from core.statements import Statement, fetch, run
from tracking.models import Param, RunTag


def _both(text: str) -> Statement:
    """Return a statement that reads the pairs of a JSON object as the columns key and value."""
    return Statement(text.format(pairs="json_each_text(%s)"), text.format(pairs="json_each(%s)"))


def _insert(model: type[Param | RunTag], constraint: str) -> str:
    """Return the INSERT of all pairs for one run; the action on a conflict is to be appended.

    SQLite needs the WHERE: without it the ON would belong to a join.
    """
    into = f"INSERT INTO {table_of(model)} ({listed(columns_of(model))})"
    conflict = listed(unique_columns(model, constraint))
    return f"{into} SELECT %s, key, value FROM {{pairs}} WHERE true ON CONFLICT ({conflict}) DO "  # noqa: S608 - names


def _read(model: type[Param | RunTag]) -> str:
    return f"SELECT key, value FROM {table_of(model)} WHERE run_id = %s AND key IN (SELECT key FROM {{pairs}})"  # noqa: S608 - names


_ADD_PARAMS = _both(_insert(Param, "tracking_param_key") + "NOTHING RETURNING key")
_PUT_TAGS = _both(_insert(RunTag, "tracking_runtag_key") + "UPDATE SET value = excluded.value")
_STORED_PARAMS = _both(_read(Param))
_STORED_TAGS = _both(_read(RunTag))


def add_params(run_id: str, params: Mapping[str, str]) -> set[str]:
    """Insert the params that are new and return their keys; others keep their values."""
    return {key for (key,) in fetch(_ADD_PARAMS, [run_id, as_object(params)])}


def stored_params(run_id: str, params: Mapping[str, str]) -> dict[str, str]:
    """Return the params of the run that have one of these keys, with their stored values."""
    return dict(fetch(_STORED_PARAMS, [run_id, as_object(params)]))


def stored_tags(run_id: str, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of the run that have one of these keys, with their stored values."""
    return dict(fetch(_STORED_TAGS, [run_id, as_object(tags)]))


def put_tags(run_id: str, tags: Mapping[str, str]) -> None:
    """Insert tags; existing ones get the new values."""
    run(_PUT_TAGS, [run_id, as_object(tags)])


def as_object(pairs: Mapping[str, str]) -> str:
    """Return pairs as a JSON object, which is a parameter of the statements."""
    return orjson.dumps(dict(pairs)).decode()
