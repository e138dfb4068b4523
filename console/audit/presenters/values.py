"""The values of an audit event as text."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import orjson

from audit.actions import record_of
from console.shell.formatting import exact, from_ms

_VALUE_LIMIT = 300
_BRIEF_LIMIT = 80
_ISO = len("2026-01-01T00:00:00")


def brief_of(action: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Return the most important change of an event, in at most 80 characters; "" where its action has none."""
    text = record_of(action).display.brief(before, after)
    return text if len(text) <= _BRIEF_LIMIT else f"{text[: _BRIEF_LIMIT - 1]}…"


def value_text(key: str, value: object) -> str:
    """Return a value of an event as text: times in UTC, lists with commas, nested values as JSON."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("_ms") and (moment := from_ms(value)):
        return exact(moment)
    text = _moment(value) if isinstance(value, str) else _plain(value)
    return text if len(text) <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}…"


def _moment(text: str) -> str:
    """Return an ISO time in the format of the pages, and any other text unchanged."""
    if len(text) < _ISO or text[10] != "T":
        return text
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    return exact(moment) if moment.tzinfo else text


def _plain(value: object) -> str:
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value))
    return orjson.dumps(value).decode()
