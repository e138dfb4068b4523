"""Reads of traces, shared by the MLflow API and the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson
from django.db.models import Q, QuerySet, prefetch_related_objects

from core.actors import Actor
from core.errors import NotFound
from traces.keys import SIZE_STATS, SOURCE_RUN
from traces.models import Span, Trace, TraceMetadata, TraceRun
from traces.permissions import require_readable_trace, trace_not_found, visible_to
from tracking.models import Run
from tracking.permissions.runs import may_read_run

MAX_BATCH = 500


def get_trace(actor: Actor, trace_id: str) -> Trace:
    """Return a trace that the actor may read, with its tags, metadata and assessments. Raises NotFound."""
    trace = Trace.objects.select_related("experiment").filter(pk=trace_id).first()
    if trace is None:
        raise NotFound(trace_not_found(trace_id))
    require_readable_trace(actor, trace)
    load_traces([trace])
    return trace


def traces_by_id(actor: Actor, trace_ids: Sequence[str]) -> list[Trace]:
    """Return those of the traces that the actor may read, in the order of ``trace_ids``.

    Tags, metadata and assessments are loaded. The number of queries does not depend on the number of ids.
    """
    rows = {trace.pk: trace for trace in Trace.objects.filter(visible_to(actor), pk__in=set(trace_ids))}
    traces = [rows[pk] for pk in dict.fromkeys(trace_ids) if pk in rows]
    load_traces(traces)
    return traces


def load_traces(traces: Sequence[Trace]) -> None:
    """Load tags, metadata and assessments of traces in three queries."""
    prefetch_related_objects(list(traces), "tags", "metadata", "assessments")


def spans_of(trace_ids: Iterable[str]) -> dict[str, list[Span]]:
    """Return the spans of traces by trace id, the earliest first. One query."""
    spans: dict[str, list[Span]] = {pk: [] for pk in trace_ids}
    for span in Span.objects.filter(trace_id__in=list(spans)).order_by("trace_id", "start_ns", "pk"):
        spans[span.trace_id].append(span)
    return spans


def is_fully_exported(trace: Trace) -> bool:
    """Return whether this server has as many spans as the client counted when it sent the trace.

    True where the client did not count them.
    """
    stats = next((pair.value for pair in trace.metadata.all() if pair.key == SIZE_STATS), "")
    try:
        counted = orjson.loads(stats)["num_spans"] if stats else 0
    except (orjson.JSONDecodeError, KeyError, TypeError):
        counted = 0
    return trace.span_count >= counted if isinstance(counted, int) else True


def of_run(actor: Actor, run_id: str) -> Q:
    """Return the condition that a trace belongs to a run: by a link, or by its metadata.

    Anybody can write the id of a run into the metadata of their own trace. For a run that the actor may read, the
    metadata counts only where the same account made the trace and the run. Traces of others belong to the run by a
    link, which services/links.py makes for those who may change the run. For a run that does not exist, or that the
    actor may not read, the metadata of every trace counts.
    """
    in_metadata = TraceMetadata.objects.filter(key=SOURCE_RUN, value=run_id)
    linked = TraceRun.objects.filter(run_id=run_id)
    run = Run.objects.filter(pk=run_id).first()
    if run is not None and may_read_run(actor, run):
        in_metadata = in_metadata.filter(trace__created_by=run.created_by)
    return Q(pk__in=in_metadata.values("trace")) | Q(pk__in=linked.values("trace"))


def traces_of_run(actor: Actor, run_id: str) -> QuerySet[Trace]:
    """Return the traces of a run that the actor may read, the newest first."""
    return Trace.objects.filter(of_run(actor, run_id), visible_to(actor)).order_by("-request_ms", "pk")
