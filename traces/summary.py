"""Summary of a trace, from its spans: previews of request and response, tokens used."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

_PREVIEW = 1000
_COUNTS = ("input_tokens", "output_tokens", "total_tokens")


class Usage(NamedTuple):
    """Tokens that one span counted; None where it counted none."""

    span_id: str
    parent_id: str
    tokens: Mapping[str, Any] | None


def preview_of(value: object, *, role: str) -> str | None:
    """Return the inputs or outputs of a root span in at most 1000 characters, None for None.

    For a chat it is the last message of ``role`` (`user`, `assistant`), otherwise the JSON of the value.
    """
    if value is None:
        return None
    text = _last_message(value, role) or json.dumps(value, ensure_ascii=False)
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= _PREVIEW else text[: _PREVIEW - 3] + "..."


def _last_message(value: object, role: str) -> str:
    """Return the text of the last chat message of a role, or of the last message where none has that role.

    "" where the value is no chat.
    """
    messages = _messages(value)
    texts = [_text_of(message) for message in messages if message.get("role") == role]
    return texts[-1] if texts else (_text_of(messages[-1]) if messages else "")


def _messages(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    if isinstance(value.get("request"), dict):
        return _messages(value["request"])
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        return [message for message in [choices[0].get("message")] if isinstance(message, dict)]
    for key in ("messages", "input", "output"):
        if isinstance(value.get(key), list):
            return [item for item in value[key] if isinstance(item, dict) and "role" in item and "content" in item]
    return []


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))


def total_usage(spans: Iterable[Usage]) -> dict[str, int]:
    """Return the tokens that a whole trace used, {} where no span counted any.

    The count of a span includes its descendants, whose own counts are therefore not added.
    """
    rows = {span.span_id: span for span in spans}
    total = dict.fromkeys(_COUNTS, 0)
    counted = False
    for span in rows.values():
        if span.tokens and not _has_counting_ancestor(span, rows):
            counted = True
            for name in _COUNTS:
                total[name] += _token_count(span.tokens.get(name))
    return total if counted else {}


def _has_counting_ancestor(span: Usage, rows: Mapping[str, Usage]) -> bool:
    visited = {span.span_id}
    parent = rows.get(span.parent_id)
    while parent is not None and parent.span_id not in visited:
        if parent.tokens:
            return True
        visited.add(parent.span_id)
        parent = rows.get(parent.parent_id)
    return False


def _token_count(value: object) -> int:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else 0
