"""What an event says beside its sentence: the one fact people look for, and its values as people read them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

import orjson

from audit.actions import Action
from console.shell.formatting import exact, from_ms

_VALUE_LIMIT = 300
_BRIEF_LIMIT = 80
_ISO = len("2026-01-01T00:00:00")
_CHECKS = (Action.APPROVALS_CHECK_QUEUED, Action.APPROVALS_CHECK_REQUEUED, Action.APPROVALS_CHECK_CANCELLED)
_TAGS = (Action.REGISTRY_MODEL_TAG_SET, Action.REGISTRY_VERSION_TAG_SET, Action.TRACKING_TAG_SET)
# The key under which each of these tells what it is about.
_NAMED_BY: dict[str, str] = {
    **dict.fromkeys(_CHECKS, "rule"),
    Action.ACCOUNT_TOKEN_ISSUED: "label",
    Action.APPROVALS_COMMENT_ADDED: "text",
    Action.APPROVALS_DELEGATION_GIVEN: "delegate",
    Action.APPROVALS_FINDING_FELL_DUE: "title",
    Action.APPROVALS_FINDING_OPENED: "title",
    Action.APPROVALS_PROPOSAL_OPENED: "policy",
    Action.APPROVALS_RULE_OVERRIDDEN: "rule",
    Action.LINEAGE_DEPLOYMENT_REGISTERED: "version",
}


def brief_of(action: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Return the fact people look for first, short enough for the line; "" where the sentence says it all."""
    if "stage" in after and before.get("stage") != after["stage"]:
        return f"{before.get('stage') or 'None'} → {after['stage']}"
    if action == Action.APPROVALS_CHECK_FINISHED:
        words = f"{after.get('rule', '')} {after.get('state', '')}"
    elif action == Action.APPROVALS_REQUEST_CHANGED and "policy" in after:
        words = f"{before.get('policy', '')} → {after['policy']}"
    elif action in _TAGS:
        words = ", ".join(f"{key} = {value}" for key, value in after.items())
    else:
        words = _word(after.get(_NAMED_BY.get(action, ""), after.get("decision", after.get("alias"))))
    words = words.strip()
    return words if len(words) <= _BRIEF_LIMIT else f"{words[: _BRIEF_LIMIT - 1]}…"


def is_bad_news(action: str, after: Mapping[str, object]) -> bool:
    """Return whether an event that was no refusal still tells of a failure: a check that did not pass."""
    return action == Action.APPROVALS_CHECK_FINISHED and after.get("state") in ("failed", "error")


def value_words(key: str, value: object) -> str:
    """Return a value of an event as text: times as times, lists as lists, anything deeper as JSON."""
    if value is None or value in ("", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key.endswith("_ms") and (moment := from_ms(value)):
        return exact(moment)
    text = _moment(value) if isinstance(value, str) else _plain(value)
    return text if len(text) <= _VALUE_LIMIT else f"{text[:_VALUE_LIMIT]}…"


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _moment(text: str) -> str:
    """Return an ISO time as the other times of the pages are written; any other text as it is."""
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
