"""Storing spans. A trace may arrive span by span, from several processes, before or after its own information."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from django.conf import settings
from django.db import transaction

from core.actors import Actor
from core.errors import TooLarge
from traces.conventions import with_mlflow_attributes
from traces.keys import (
    IN_THIS_SERVER,
    INPUTS,
    OUTPUTS,
    SERVER_TAGS,
    SESSION,
    SPAN_USAGE,
    SPANS_LOCATION,
    TAG_PREFIX,
    TOKEN_USAGE,
    USER,
)
from traces.limits import MAX_KEY, MAX_SPANS, MAX_VALUE, check_count
from traces.models import Span, SpanStatus, Trace, TraceState
from traces.services.links import add_run_links
from traces.services.rows import (
    active_experiment,
    add_metadata,
    location_tag,
    open_traces,
    put_metadata,
    put_tags,
    save_traces,
)
from traces.spans import SpanData, checked_span, clean_text, plain, read_content, row_of
from traces.summary import Usage, preview_of, total_usage
from tracking.models import Experiment

_OPEN = frozenset({TraceState.IN_PROGRESS, TraceState.UNSPECIFIED})
_TRACE_FIELDS = ["request_ms", "duration_ms", "state", "request_preview", "response_preview", "span_count", "size"]
_SPAN_FIELDS = ["parent_id", "name", "type", "status", "start_ns", "end_ns", "content", "size"]
_SESSIONS = ("session.id", "gen_ai.conversation.id")
_USERS = ("user.id",)


@dataclass(frozen=True, slots=True)
class _Batch:
    """The spans of one trace in one request."""

    spans: tuple[SpanData, ...]
    rows: tuple[Span, ...]

    @property
    def root(self) -> SpanData | None:
        """Return the root span, None where the request does not hold it."""
        return next((span for span in self.spans if span.is_root), None)

    @property
    def start_ms(self) -> int:
        """Return the earliest start in milliseconds since 1970."""
        return min(span.start_ns for span in self.spans) // 1_000_000

    @property
    def end_ms(self) -> int | None:
        """Return the latest end in milliseconds since 1970, None while no span has ended."""
        ends = [span.end_ns for span in self.spans if span.end_ns]
        return max(ends) // 1_000_000 if ends else None


@transaction.atomic
def record_spans(
    *,
    actor: Actor,
    experiment_id: str | int,
    spans: Sequence[SpanData],
    resources: Mapping[str, Mapping[str, str]] | None = None,
    run_id: str = "",
) -> None:
    """Store spans that came by OTLP; a span that is sent again replaces the stored one.

    ``resources`` gives for each trace id the attributes of its process, which become tags. ``run_id`` names a run
    that the traces belong to; one that does not exist is ignored, as MLflow does. Spans are telemetry: no event is
    recorded. Raises NotFound: no such experiment. Raises Denied: the actor may not change a trace or the run. Raises
    InvalidInput: the experiment is deleted, or a span cannot be stored. Raises TooLarge: too many spans, or a trace
    grows beyond ``CUSTODY_MAX_TRACE_BYTES``. Raises Conflict.
    """
    check_count(spans, MAX_SPANS, "A request may hold at most {limit} spans, this one has {count}.")
    checked = [with_mlflow_attributes(checked_span(span, where=f"spans[{at}].")) for at, span in enumerate(spans)]
    experiment = active_experiment(actor, experiment_id)
    traces = _store(actor, experiment, checked)
    tags = {pk: _tags_of(batch, (resources or {}).get(pk, {})) for pk, (_, batch) in traces.items()}
    put_tags(
        {pk: {**tags[pk], **location_tag(trace), SPANS_LOCATION: IN_THIS_SERVER} for pk, (trace, _) in traces.items()}
    )
    if run_id:
        add_run_links(actor=actor, run_id=run_id, trace_ids=list(traces))


def store_file_spans(*, actor: Actor, trace: Trace, spans: Sequence[SpanData]) -> None:
    """Store the spans of a trace's file, in the caller's transaction. The client goes on reading the file.

    Raises as `record_spans` does.
    """
    check_count(spans, MAX_SPANS, "A trace may have at most {limit} spans, this one has {count}.")
    _store(actor, trace.experiment, [checked_span(span, where=f"spans[{at}].") for at, span in enumerate(spans)])


def _store(actor: Actor, experiment: Experiment, spans: Sequence[SpanData]) -> dict[str, tuple[Trace, _Batch]]:
    """Insert or replace spans and update their traces. Return each trace with its spans, by trace id."""
    batches = _by_trace(spans)
    starts = {pk: batch.start_ms for pk, batch in batches.items()}
    traces = open_traces(actor=actor, experiment=experiment, starts=starts)
    _count(traces, batches)
    Span.objects.bulk_create(
        [row for batch in batches.values() for row in batch.rows],
        update_conflicts=True,
        unique_fields=["trace", "span_id"],
        update_fields=_SPAN_FIELDS,
    )
    for pk, trace in traces.items():
        _summarise(trace, batches[pk])
    save_traces(traces.values(), _TRACE_FIELDS)
    pairs = {pk: (trace, batches[pk]) for pk, trace in traces.items()}
    _store_facts(pairs)
    return pairs


def _by_trace(spans: Sequence[SpanData]) -> dict[str, _Batch]:
    """Return spans by trace id. Of several spans with the same id the last is taken."""
    latest: dict[str, dict[str, SpanData]] = {}
    for span in spans:
        latest.setdefault(span.trace_id, {})[span.span_id] = span
    return {
        pk: _Batch(tuple(by_id.values()), tuple(row_of(span, content=span.content()) for span in by_id.values()))
        for pk, by_id in latest.items()
    }


def _count(traces: Mapping[str, Trace], batches: Mapping[str, _Batch]) -> None:
    """Update the size and the number of spans of each trace. Raises TooLarge."""
    replaced = _replaced_sizes([pk for pk, trace in traces.items() if trace.span_count], batches)
    for pk, trace in traces.items():
        rows, replaced_sizes = batches[pk].rows, replaced.get(pk, [])
        trace.span_count += len(rows) - len(replaced_sizes)
        trace.size += sum(row.size for row in rows) - sum(replaced_sizes)
        if trace.size > settings.MAX_TRACE_BYTES or trace.span_count > MAX_SPANS:
            raise TooLarge(
                f"Trace {pk} would have {trace.span_count} spans with {trace.size} bytes; at most {MAX_SPANS} spans and "
                f"{settings.MAX_TRACE_BYTES} bytes (CUSTODY_MAX_TRACE_BYTES) are kept."
            )


def _replaced_sizes(trace_ids: Sequence[str], batches: Mapping[str, _Batch]) -> dict[str, list[int]]:
    """Return the sizes in bytes of the stored spans that the new ones replace, by trace id."""
    sizes: dict[str, list[int]] = {}
    if not trace_ids:
        return sizes
    span_keys = {(pk, row.span_id) for pk in trace_ids for row in batches[pk].rows}
    rows = Span.objects.filter(trace_id__in=trace_ids, span_id__in={span_id for _, span_id in span_keys})
    for pk, span_id, size in rows.values_list("trace_id", "span_id", "size"):
        if (pk, span_id) in span_keys:
            sizes.setdefault(pk, []).append(size)
    return sizes


def _summarise(trace: Trace, batch: _Batch) -> None:
    """Fill fields of a trace from its spans, where the client has not set them on the trace itself."""
    if not trace.has_info:
        before = None if trace.duration_ms is None else trace.request_ms + trace.duration_ms
        trace.request_ms = min(trace.request_ms, batch.start_ms)
        ends = [end for end in (before, batch.end_ms) if end is not None]
        trace.duration_ms = max(0, max(ends) - trace.request_ms) if ends else None
    root = batch.root
    if root is None:
        return
    if trace.state in _OPEN:
        trace.state = TraceState.ERROR if root.status == SpanStatus.ERROR else TraceState.OK
    if trace.request_preview is None:
        trace.request_preview = preview_of(plain(root.attributes.get(INPUTS, {})), role="user")
    if trace.response_preview is None:
        trace.response_preview = preview_of(plain(root.attributes.get(OUTPUTS, {})), role="assistant")


def _store_facts(traces: Mapping[str, tuple[Trace, _Batch]]) -> None:
    """Store session, user and token usage of traces as metadata, without replacing what the client set on the trace."""
    facts = {pk: _facts_of(batch) for pk, (_, batch) in traces.items()}
    if any(facts.values()):
        add_metadata(facts)
    counting = [pk for pk, (trace, batch) in traces.items() if not trace.has_info and _counts_tokens(batch)]
    if counting:
        put_metadata({pk: {TOKEN_USAGE: usage} for pk, usage in _usages(counting).items()})


def _facts_of(batch: _Batch) -> dict[str, str]:
    facts = {SESSION: _first(batch, _SESSIONS), USER: _first(batch, _USERS)}
    return {key: value[:MAX_VALUE] for key, value in facts.items() if value}


def _first(batch: _Batch, keys: Sequence[str]) -> str:
    values = (plain(span.attributes[key]) for span in batch.spans for key in keys if key in span.attributes)
    return next((clean_text(str(value)) for value in values if value), "")


def _counts_tokens(batch: _Batch) -> bool:
    return any(SPAN_USAGE in span.attributes for span in batch.spans)


def _usages(trace_ids: Sequence[str]) -> dict[str, str]:
    """Return the token usage of traces as JSON text, over all their spans."""
    nodes: dict[str, list[Usage]] = {}
    for span in Span.objects.filter(trace_id__in=trace_ids).only("trace_id", "span_id", "parent_id", "content"):
        tokens = None
        if f'"{SPAN_USAGE}"' in span.content:
            tokens = plain(read_content(span).get("attributes", {}).get(SPAN_USAGE, {}))
        usage = tokens if isinstance(tokens, dict) else None
        nodes.setdefault(span.trace_id, []).append(Usage(span.span_id, span.parent_id, usage))
    return {pk: orjson.dumps(total).decode() for pk, spans in nodes.items() if (total := total_usage(spans))}


def _tags_of(batch: _Batch, resource: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a trace that come from its process and from its root span."""
    tags = {key: value for key, value in resource.items() if not key.startswith(("telemetry.sdk.", "mlflow."))}
    root = batch.root
    for key, value in (root.attributes if root else {}).items():
        if key.startswith(TAG_PREFIX):
            tags[key.removeprefix(TAG_PREFIX)] = str(plain(value))
    return {
        clean_text(key): clean_text(value)[:MAX_VALUE]
        for key, value in tags.items()
        if 0 < len(key) <= MAX_KEY and key not in SERVER_TAGS
    }
