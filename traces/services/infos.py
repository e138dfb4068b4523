"""Storing the information of a trace: its times, state, previews, tags, metadata and assessments."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import transaction

from audit.actions import Action
from core.actors import Actor
from core.errors import InvalidInput
from traces.keys import SERVER_TAGS
from traces.limits import MAX_KEY, MAX_PREVIEW, checked_pairs, checked_time, checked_trace_id
from traces.models import Trace, TraceState
from traces.services.assessments import AssessmentData, store_assessments
from traces.services.links import link_named_run
from traces.services.rows import (
    active_experiment,
    location_tag,
    lock_trace,
    open_traces,
    put_metadata,
    put_tags,
    save_traces,
)
from tracking.limits import checked_text

_ENDED = frozenset({TraceState.OK, TraceState.ERROR})
_FIELDS = [
    "experiment_id",
    "request_ms",
    "duration_ms",
    "state",
    "client_request_id",
    "request_preview",
    "response_preview",
    "has_info",
]


@dataclass(frozen=True, slots=True)
class TraceInfo:
    """A trace without its spans, as a client sends it. Times are milliseconds; None is a field that was not sent."""

    trace_id: str
    experiment_id: str
    request_ms: int
    state: str
    duration_ms: int | None = None
    request_preview: str | None = None
    response_preview: str | None = None
    client_request_id: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    assessments: tuple[AssessmentData, ...] = ()


@transaction.atomic
def record_info(*, actor: Actor, info: TraceInfo) -> Trace:
    """Store a trace, or update one that this server has spans or an earlier state of, and return it.

    Fields that are None are not changed. A trace that has ended cannot start again. A trace is telemetry: only
    assessments by people are recorded as events. Raises NotFound: no such experiment or trace. Raises Denied: the
    trace is somebody else's. Raises InvalidInput: the experiment is deleted, the trace has been sent for another
    experiment, or a value cannot be stored. Raises TooLarge: too many tags, metadata or assessments. Raises Conflict.
    """
    checked_trace_id(info.trace_id)
    checked_time(info.request_ms, field="request_time")
    checked_time(info.duration_ms or 0, field="execution_duration")
    tags = _checked_tags(info.tags)
    metadata = checked_pairs(info.metadata, field="trace_metadata")
    experiment = active_experiment(actor, info.experiment_id)
    starts = {info.trace_id: info.request_ms}
    trace = open_traces(actor=actor, experiment=experiment, starts=starts)[info.trace_id]
    if trace.has_info and trace.experiment_id != experiment.pk:
        raise InvalidInput(f"Trace {trace.pk} belongs to experiment {trace.experiment_id}, not to {experiment.pk}.")
    trace.experiment = experiment
    _merge(trace, info)
    save_traces([trace], _FIELDS)
    put_tags({trace.pk: {**tags, **location_tag(trace)}})
    put_metadata({trace.pk: metadata})
    link_named_run(actor=actor, trace=trace, metadata=metadata)
    store_assessments(actor=actor, trace=trace, assessments=info.assessments)
    return trace


def _checked_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags without those that this server sets itself: a copied trace comes with those of its first server."""
    checked = checked_pairs(tags, field="tags")
    return {key: value for key, value in checked.items() if key not in SERVER_TAGS}


def _merge(trace: Trace, info: TraceInfo) -> None:
    """Update a trace with the values that the client sent."""
    trace.request_ms = info.request_ms
    if info.duration_ms is not None:
        trace.duration_ms = info.duration_ms
    if info.state in _ENDED or trace.state not in _ENDED:
        trace.state = TraceState(info.state)
    if info.client_request_id is not None:
        trace.client_request_id = checked_text(info.client_request_id, field="client_request_id", limit=MAX_KEY)
    if info.request_preview is not None:
        trace.request_preview = _preview(info.request_preview, field="request_preview")
    if info.response_preview is not None:
        trace.response_preview = _preview(info.response_preview, field="response_preview")
    trace.has_info = True


def _preview(text: str, *, field: str) -> str:
    return checked_text(text[:MAX_PREVIEW], field=field, limit=MAX_PREVIEW)


def start_trace(
    *, actor: Actor, experiment_id: str, timestamp_ms: int, metadata: Mapping[str, str], tags: Mapping[str, str]
) -> Trace:
    """Start a trace with an id that this server makes, as for MLflow 2, and return it.

    Raises as `record_info` does.
    """
    info = TraceInfo(
        trace_id=uuid.uuid4().hex,
        experiment_id=experiment_id,
        request_ms=timestamp_ms,
        state=TraceState.IN_PROGRESS,
        metadata=metadata,
        tags=tags,
    )
    return record_info(actor=actor, info=info)


@transaction.atomic
def end_trace(
    *,
    actor: Actor,
    trace_id: str,
    timestamp_ms: int,
    state: str,
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
) -> Trace:
    """End a trace as MLflow 2 does and return it; metadata and tags are added to the existing ones.

    Raises NotFound: no such trace. Raises Denied. Raises InvalidInput: a value cannot be stored. Raises TooLarge: too
    many tags or metadata.
    """
    checked_time(timestamp_ms, field="timestamp_ms")
    checked_tags, checked_metadata = _checked_tags(tags), checked_pairs(metadata, field="request_metadata")
    trace = lock_trace(actor, trace_id, action=Action.TRACES_TAG_SET)
    trace.duration_ms = max(0, timestamp_ms - trace.request_ms)
    trace.state = TraceState(state)
    save_traces([trace], ["duration_ms", "state"])
    put_tags({trace.pk: checked_tags})
    put_metadata({trace.pk: checked_metadata})
    link_named_run(actor=actor, trace=trace, metadata=checked_metadata)
    return trace
