"""The page of one trace."""

from __future__ import annotations

from dataclasses import dataclass

from console.traces.presenters.lists import title_of, tokens_of
from console.traces.presenters.spans import Value, Waterfall, waterfall_of
from console.traces.queries import run_names
from core.actors import Actor
from core.errors import NotFound
from traces.keys import SESSION, SOURCE_RUN, USER
from traces.limits import quoted
from traces.models import Assessment, Span, Trace
from traces.queries import get_trace, spans_of

_SYSTEM = "mlflow."
_SHORT = 2000


@dataclass(frozen=True, slots=True)
class AssessmentRow:
    """One assessment. ``of_span`` is the name of its span, "" for an assessment of the whole trace."""

    row: Assessment
    value: str
    error: str
    of_span: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class TracePage:
    """One trace."""

    trace: Trace
    title: str
    seconds: float | None
    session: str
    user: str
    tokens: int | None
    runs: dict[str, str]
    prompts: list[str]
    request: Value | None
    response: Value | None
    waterfall: Waterfall
    assessments: list[AssessmentRow]
    tags: dict[str, str]
    system_facts: dict[str, str]


def trace_page(actor: Actor, trace_id: str) -> TracePage:
    """Return the page of a trace. The query count does not depend on the number of spans. Raises NotFound."""
    trace = get_trace(actor, trace_id)
    spans = spans_of([trace.pk])[trace.pk]
    metadata = {pair.key: pair.value for pair in trace.metadata.all()}
    tags = {pair.key: pair.value for pair in sorted(trace.tags.all(), key=lambda pair: pair.key)}
    waterfall = waterfall_of(spans)
    root = next((row for row in waterfall.rows if not row.span.parent_id), None)
    return TracePage(
        trace=trace,
        title=title_of(trace),
        seconds=None if trace.duration_ms is None else trace.duration_ms / 1000,
        session=metadata.get(SESSION, ""),
        user=metadata.get(USER, ""),
        tokens=tokens_of(metadata),
        runs=_runs(actor, trace, metadata.get(SOURCE_RUN, "")),
        prompts=[f"{prompt.name} v{prompt.version}" for prompt in trace.prompts.order_by("name", "version")],
        request=(root.inputs if root else None) or _preview(trace.request_preview),
        response=(root.outputs if root else None) or _preview(trace.response_preview),
        waterfall=waterfall,
        assessments=_assessments(trace, spans),
        tags={key: value for key, value in tags.items() if not key.startswith(_SYSTEM)},
        system_facts={key: value for key, value in sorted({**metadata, **tags}.items()) if key.startswith(_SYSTEM)},
    )


def _preview(text: str | None) -> Value | None:
    return Value(text[:_SHORT], max(0, len(text) - _SHORT)) if text else None


def _runs(actor: Actor, trace: Trace, source_run_id: str) -> dict[str, str]:
    """Return the names of the runs that a trace belongs to and that the actor may see, by id."""
    linked = trace.run_links.order_by("pk").values_list("run_id", flat=True)
    return run_names(actor, [source_run_id, *linked] if source_run_id else linked)


def _assessments(trace: Trace, spans: list[Span]) -> list[AssessmentRow]:
    names = {span.span_id: span.name for span in spans}
    rows = sorted(trace.assessments.all(), key=lambda row: (not row.valid, row.pk))
    return [
        AssessmentRow(
            row=row,
            value=row.value.strip('"') if row.value.count('"') == 2 else row.value,  # noqa: PLR2004 - a quoted text
            error=(row.error or {}).get("error_message", "") or (row.error or {}).get("error_code", ""),
            of_span=names.get(row.span_id, row.span_id),
            is_bad=row.value in {"false", '"no"', ""},
        )
        for row in rows
    ]


def get_span(actor: Actor, trace_id: str, span_id: str) -> tuple[Trace, Span]:
    """Return a trace and one of its spans. Raises NotFound."""
    trace = get_trace(actor, trace_id)
    span = trace.spans.filter(span_id=span_id).first()
    if span is None:
        raise NotFound(f"Trace {trace.pk} has no span {quoted(span_id)}.")
    return trace, span
