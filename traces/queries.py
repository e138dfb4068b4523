"""Reads of traces, shared by the MLflow API and the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from django.db.models import Q, QuerySet, prefetch_related_objects

from core.errors import NotFound
from traces.keys import SIZE_STATS, SOURCE_RUN
from traces.limits import shown
from traces.models import Span, Trace, TraceMetadata, TraceRun

MAX_BATCH = 500


def get_trace(trace_id: str) -> Trace:
    """Return a trace with its tags, metadata and assessments. NotFound."""
    trace = Trace.objects.select_related("experiment").filter(pk=trace_id).first()
    if trace is None:
        raise NotFound(f"Trace with ID {shown(trace_id)} is not found.")
    load_traces([trace])
    return trace


def traces_by_id(trace_ids: Sequence[str]) -> list[Trace]:
    """Return those of the traces that there are, loaded, in the order of ``trace_ids``. The query count is constant."""
    rows = {trace.pk: trace for trace in Trace.objects.filter(pk__in=set(trace_ids))}
    traces = [rows[pk] for pk in dict.fromkeys(trace_ids) if pk in rows]
    load_traces(traces)
    return traces


def load_traces(traces: Sequence[Trace]) -> None:
    """Load tags, metadata and assessments of traces in three queries."""
    prefetch_related_objects(list(traces), "tags", "metadata", "assessments")


def spans_of(trace_ids: Iterable[str]) -> dict[str, list[Span]]:
    """Return the spans of traces by trace id, the earliest first. One query."""
    found: dict[str, list[Span]] = {pk: [] for pk in trace_ids}
    for span in Span.objects.filter(trace_id__in=list(found)).order_by("trace_id", "start_ns", "pk"):
        found[span.trace_id].append(span)
    return found


def is_fully_exported(trace: Trace) -> bool:
    """Return whether all the spans are here that the client counted when it sent the trace; True where it did not count."""
    stats = next((pair.value for pair in trace.metadata.all() if pair.key == SIZE_STATS), "")
    try:
        counted = orjson.loads(stats)["num_spans"] if stats else 0
    except (orjson.JSONDecodeError, KeyError, TypeError):
        counted = 0
    return trace.span_count >= counted if isinstance(counted, int) else True


def of_run(run_id: str) -> Q:
    """Return the condition that a trace belongs to a run: by its metadata, or by a link."""
    named = TraceMetadata.objects.filter(key=SOURCE_RUN, value=run_id)
    linked = TraceRun.objects.filter(run_id=run_id)
    return Q(pk__in=named.values("trace")) | Q(pk__in=linked.values("trace"))


def traces_of_run(run_id: str) -> QuerySet[Trace]:
    """Return the traces of a run, the newest first."""
    return Trace.objects.filter(of_run(run_id)).order_by("-request_ms", "pk")
