"""The spans of a trace as rows of a waterfall, with their depth, times, inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from traces.keys import INPUTS, OUTPUTS, SPAN_TYPE, SPAN_USAGE, TRACE_ID
from traces.models import Span, SpanStatus, Trace
from traces.spans import children_of, plain, plain_attributes, read_content

# A page with more rows would be slow.
MAX_ROWS = 500
# The most characters of a value in the waterfall. The page of the span shows up to MAX_SHOWN.
SHORT = 2000
MAX_SHOWN = 1_000_000
_DEEPEST = 12
# Attributes that the page shows in fields of their own.
_SHOWN_SEPARATELY = frozenset({INPUTS, OUTPUTS, SPAN_TYPE, SPAN_USAGE, TRACE_ID})
_COLOURS = {
    "LLM": 1, "CHAT_MODEL": 1, "EMBEDDING": 1, "TOOL": 2, "RETRIEVER": 3, "RERANKER": 3, "AGENT": 4, "EVALUATOR": 5,
    "GUARDRAIL": 5,
}  # fmt: skip
_OTHER = 6
_SHORTEST = 0.6


@dataclass(frozen=True, slots=True)
class Value:
    """A value as text, cut where it is long; ``cut_characters`` is how many characters are not shown."""

    text: str
    cut_characters: int = 0


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of a span. ``seconds`` is its time since the trace began."""

    name: str
    seconds: float
    attributes: dict[str, Value]
    is_error: bool


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One span. ``start`` and ``width`` of its bar are percentages of the trace's time; ``level`` counts from 1.

    ``seconds`` is its length, None where it has not ended. ``offset`` is its beginning in seconds after the first span.
    """

    span: Span
    level: int
    depth: int
    parent: str
    seconds: float | None
    offset: float
    start: float
    width: float
    colour: int
    inputs: Value | None
    outputs: Value | None
    message: str
    tokens: int | None
    attributes: dict[str, Value]
    events: list[EventRow]
    is_error: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The spans of a trace, parents before children; ``hidden_count`` is how many are not shown."""

    rows: list[SpanRow] = field(default_factory=list)
    hidden_count: int = 0
    seconds: float = 0.0

    @property
    def ticks(self) -> list[float]:
        """Return the five ticks of the time axis in seconds: its start, its quarters and its end."""
        return [self.seconds * quarter / 4 for quarter in range(5)]


def waterfall_of(spans: Sequence[Span]) -> Waterfall:
    """Return the waterfall of a trace's spans."""
    if not spans:
        return Waterfall()
    first = min(span.start_ns for span in spans)
    last = max(max(span.end_ns or span.start_ns, span.start_ns) for span in spans)
    names = {span.span_id: span.name for span in spans}
    rows: list[SpanRow] = []
    for span, depth in _tree(spans):
        if len(rows) == MAX_ROWS:
            break
        rows.append(_row(span, depth, names.get(span.parent_id, ""), first, max(last - first, 1), SHORT))
    return Waterfall(rows, len(spans) - len(rows), (last - first) / 1e9)


def whole_span(span: Span, trace: Trace) -> SpanRow:
    """Return one span for a page of its own, with values of up to MAX_SHOWN characters."""
    trace_start = trace.request_ms * 1_000_000
    length = max((span.end_ns or span.start_ns) - span.start_ns, 1)
    return _row(span, 0, "", min(trace_start, span.start_ns), length, MAX_SHOWN)


def _tree(spans: Sequence[Span]) -> Iterator[tuple[Span, int]]:
    """Yield spans with their depth: a parent before its children, siblings by time, spans in a cycle last."""
    children = children_of(spans)
    yielded: set[str] = set()
    stack = [(span, 0) for span in reversed(children.get("", []))]
    while stack:
        span, depth = stack.pop()
        if span.span_id in yielded:
            continue
        yielded.add(span.span_id)
        yield span, depth
        stack += [(child, depth + 1) for child in reversed(children.get(span.span_id, []))]
    yield from ((span, 0) for span in spans if span.span_id not in yielded)


def _row(span: Span, depth: int, parent: str, first: int, length: int, limit: int) -> SpanRow:
    content = read_content(span)
    attributes = content.get("attributes", {})
    span_length = None if span.end_ns is None else max(0, span.end_ns - span.start_ns)
    width = min(100.0, max(_SHORTEST, (span_length or 0) * 100 / length))
    is_error = span.status == SpanStatus.ERROR
    usage = plain(attributes.get(SPAN_USAGE, {}))
    return SpanRow(
        span=span,
        level=depth + 1,
        depth=min(depth, _DEEPEST),
        parent=parent,
        seconds=None if span_length is None else span_length / 1e9,
        offset=(span.start_ns - first) / 1e9,
        start=min(100.0 - width, max(0.0, (span.start_ns - first) * 100 / length)),
        width=width,
        colour=_COLOURS.get(span.type, _OTHER),
        inputs=_value(plain(attributes[INPUTS]), limit) if INPUTS in attributes else None,
        outputs=_value(plain(attributes[OUTPUTS]), limit) if OUTPUTS in attributes else None,
        message=content.get("status_message", ""),
        tokens=usage.get("total_tokens") if isinstance(usage, dict) else None,
        attributes={
            key: _value(value, limit)
            for key, value in sorted(plain_attributes(attributes).items())
            if key not in _SHOWN_SEPARATELY
        },
        events=[_event(event, first, limit) for event in content.get("events", [])],
        is_error=is_error,
    )


def _event(event: dict[str, Any], first: int, limit: int) -> EventRow:
    attributes = plain_attributes(event.get("attributes", {}))
    name = event.get("name", "")
    values = {key: _value(value, limit) for key, value in sorted(attributes.items())}
    return EventRow(name, (event.get("time_unix_nano", first) - first) / 1e9, values, name == "exception")


def _value(value: object, limit: int) -> Value:
    """Return a value for people: a text unchanged, any other value as indented JSON."""
    text = value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    return Value(text[:limit], max(0, len(text) - limit))
