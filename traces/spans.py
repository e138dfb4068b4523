"""A span as a client sends it, and the JSON that it is stored as.

The stored JSON is OpenTelemetry's own form with snake_case names, without ids, times and status code. ``attributes``
maps each key to a typed value such as ``{"string_value": "x"}``; ``events`` and ``links`` hold the same mapping.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from core.errors import InvalidInput
from traces.limits import INT64_MAX, checked_trace_id, quoted
from traces.models import Span, SpanStatus

Json = dict[str, Any]
_HEX = frozenset("0123456789abcdef")
_SPAN_ID = 16
_MAX_DEPTH = 100
# A text column of PostgreSQL can hold the escape of a NUL, but its JSON functions cannot read it.
_NUL = b"\\u0000"
_NUL_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_REPLACEMENT = rb"\1" + "\N{REPLACEMENT CHARACTER}".encode()


@dataclass(frozen=True, slots=True)
class SpanData:
    """One span of one trace. ``attributes`` maps keys to typed values; times are nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int | None = None
    status: str = SpanStatus.UNSET.value
    status_message: str = ""
    attributes: Json = field(default_factory=dict)
    events: tuple[Json, ...] = ()
    links: tuple[Json, ...] = ()
    extra: Json = field(default_factory=dict)
    """Other fields of OpenTelemetry: kind, trace_state, flags, counts of dropped attributes, events and links."""

    @property
    def is_root(self) -> bool:
        """Return whether no other span caused this one."""
        return not self.parent_id

    def content(self) -> bytes:
        """Return the JSON that the database stores. A NUL in a text becomes the replacement character.

        The name is in it too, so that a search for a text reads one column.
        """
        fields = {
            "name": self.name,
            "attributes": self.attributes,
            "events": list(self.events),
            "links": list(self.links),
            "status_message": self.status_message,
            **self.extra,
        }
        content = orjson.dumps({key: value for key, value in fields.items() if value})
        return _NUL_ESCAPE.sub(_REPLACEMENT, content) if _NUL in content else content


def checked_span(span: SpanData, *, where: str) -> SpanData:
    """Return the span where its ids and times can be stored. Raises InvalidInput, with ``where`` in the message."""
    checked_trace_id(span.trace_id)
    for id_name, value in (("span_id", span.span_id), ("parent_span_id", span.parent_id or "0" * _SPAN_ID)):
        if len(value) != _SPAN_ID or not _HEX.issuperset(value):
            raise InvalidInput(f"{where}{id_name} must have 16 hexadecimal digits, got {quoted(value)}.")
    if not 0 <= span.start_ns <= INT64_MAX or not 0 <= (span.end_ns or 0) <= INT64_MAX:
        raise InvalidInput(f"{where}start_time and end_time must be nonnegative 64-bit numbers of nanoseconds.")
    if span.parent_id == span.span_id:
        raise InvalidInput(f"{where}span {span.span_id} cannot be its own parent.")
    return span


def typed(value: object, *, depth: int = 0) -> Json:
    """Return a Python value as OpenTelemetry's typed value. A value without a type there becomes a string.

    Raises InvalidInput: it is nested more than 100 deep.
    """
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"The value of an attribute may be nested at most {_MAX_DEPTH} deep.")
    if isinstance(value, Mapping):
        pairs = [{"key": str(key), "value": typed(item, depth=depth + 1)} for key, item in value.items()]
        return {"kvlist_value": {"values": pairs}}
    if isinstance(value, list | tuple):
        return {"array_value": {"values": [typed(item, depth=depth + 1) for item in value]}}
    return {} if value is None else _typed_scalar(value)


def _typed_scalar(value: object) -> Json:
    if isinstance(value, bool):
        return {"bool_value": value}
    if isinstance(value, int) and -INT64_MAX - 1 <= value <= INT64_MAX:
        return {"int_value": value}
    if isinstance(value, int | float):
        return {"double_value": typed_number(float(value))}
    return {"string_value": str(value)}


def typed_number(value: float) -> float | str:
    """Return a double as JSON can hold it: NaN and the infinities as text."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def plain(value: Json) -> Any:
    """Return a typed value as Python has it: text, number, bool, None, list or dict; bytes as base64 text."""
    for kind, content in value.items():
        if kind == "array_value":
            return [plain(item) for item in content.get("values", ())]
        if kind == "kvlist_value":
            return {pair["key"]: plain(pair.get("value", {})) for pair in content.get("values", ())}
        if kind == "double_value":
            return float(content)
        return content
    return None


def plain_attributes(attributes: Mapping[str, Json]) -> dict[str, Any]:
    """Return attributes as Python values."""
    return {key: plain(value) for key, value in attributes.items()}


def read_content(span: Span) -> Json:
    """Return the stored JSON of a span."""
    content: Json = orjson.loads(span.content)
    return content


def row_of(span: SpanData, *, content: bytes) -> Span:
    """Return a span as the row to insert; its type is MLflow's span type."""
    kind = plain(span.attributes.get("mlflow.spanType", {}))
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=span.parent_id,
        name=clean_text(span.name),
        type=clean_text(kind)[:250] if isinstance(kind, str) else "",
        status=span.status,
        start_ns=span.start_ns,
        end_ns=span.end_ns,
        content=content.decode(),
        size=len(content),
    )


def clean_text(text: str) -> str:
    """Return a text that every database can hold: a NUL becomes the replacement character."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def hex_of(value: str, *, size: int) -> str:
    """Return an id of ``size`` bytes, given in hexadecimal or base64, in lower-case hexadecimal; "" for other text."""
    text = value.removeprefix("0x").lower()
    if len(text) == 2 * size and _HEX.issuperset(text):
        return text
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return raw.hex() if len(raw) == size else ""


def children_of(spans: Iterable[Span]) -> dict[str, list[Span]]:
    """Return spans by the id of their parent, the earliest first; a span whose parent is missing is under ""."""
    rows = sorted(spans, key=lambda span: (span.start_ns, span.pk))
    span_ids = {span.span_id for span in rows}
    children: dict[str, list[Span]] = {}
    for span in rows:
        children.setdefault(span.parent_id if span.parent_id in span_ids else "", []).append(span)
    return children
