"""Deletion of traces with their files: on request, and after the retention period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from audit.actions import Action
from audit.refusals import denied
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import InvalidInput
from core.refs import experiment_ref
from core.sweeps import refuse_under_legal_hold
from core.times import now_ms
from traces.files import artifact_folder
from traces.limits import MAX_DELETED_IDS, check_count
from traces.models import Assessment, Span, Trace, TraceMetadata, TracePrompt, TraceRun, TraceTag
from tracking.artifacts import forget_folders
from tracking.models import Experiment, ExperimentLevel
from tracking.permissions.experiments import refuse_experiment
from tracking.permissions.levels import visible_experiments
from tracking.permissions.runs import is_own
from tracking.queries import experiment_number

# The traces of one transaction, which locks their rows; their ids must fit one event.
BATCH = 100
# One run of the task ends before the next is due.
_MAX_BATCHES = 500
_PARTS = (Span, TraceTag, TraceMetadata, TraceRun, TracePrompt, Assessment)


def delete_traces(
    *,
    actor: Actor,
    experiment_id: str,
    trace_ids: Sequence[str] = (),
    max_timestamp_ms: int | None = None,
    max_traces: int | None = None,
) -> int:
    """Delete traces of an experiment and return how many were deleted.

    The traces are those with these ids, or those up to a time, the oldest first. Ids of no trace in the experiment
    are ignored. In an experiment that the actor may not read, none is deleted. Each batch of 100 is one event.
    Raises InvalidInput: both ids and a time are given or neither is, ids come with ``max_traces``, or that is not
    positive. Raises TooLarge: more than 1000 ids. Raises Denied: the actor has no `manage` on the experiment and does
    not name, by id, only traces of their own. Raises Conflict under a legal hold.
    """
    number = experiment_number(experiment_id)
    _check(trace_ids, max_timestamp_ms, max_traces)
    experiment = visible_experiments(actor).filter(pk=number).first()
    if experiment is None:
        return 0
    rows = Trace.objects.filter(experiment_id=number).order_by("request_ms", "pk").values_list("pk", flat=True)
    rows_to_delete = rows.filter(pk__in=set(trace_ids)) if trace_ids else rows.filter(request_ms__lte=max_timestamp_ms)
    _require_right(actor, experiment, trace_ids)
    refuse_under_legal_hold("Traces")
    count = 0
    while batch := list(rows_to_delete[: BATCH if max_traces is None else min(BATCH, max_traces - count)]):
        deleted = _remove(actor, batch, Action.TRACES_TRACES_DELETED)
        if not deleted:  # somebody else deletes the same traces
            break
        count += deleted
    return count


def _require_right(actor: Actor, experiment: Experiment, trace_ids: Sequence[str]) -> None:
    refusal = refuse_experiment(actor, experiment, ExperimentLevel.MANAGE, Action.TRACES_TRACES_DELETED)
    if refusal is None:
        return
    traces = Trace.objects.filter(experiment=experiment, pk__in=set(trace_ids))
    creators = set(traces.values_list("created_by", flat=True))
    if not trace_ids or not all(is_own(actor, name) for name in creators):
        raise denied(refusal)


def _check(trace_ids: Sequence[str], max_timestamp_ms: int | None, max_traces: int | None) -> None:
    if max_timestamp_ms is None and not trace_ids:
        raise InvalidInput("Either `max_timestamp_millis` or `request_ids` must be specified.")
    if max_timestamp_ms is not None and trace_ids:
        raise InvalidInput("Only one of `max_timestamp_millis` and `request_ids` can be specified.")
    if trace_ids and max_traces is not None:
        raise InvalidInput("`max_traces` can't be specified if `request_ids` is specified.")
    if max_traces is not None and max_traces <= 0:
        raise InvalidInput(f"`max_traces` must be a positive integer, received {max_traces}.")
    check_count(trace_ids, MAX_DELETED_IDS, "At most {limit} traces can be deleted by id at once. Got {count}.")


def prune_traces(*, now: int | None = None) -> int:
    """Delete traces that this server received more than ``CUSTODY_TRACE_DAYS`` days ago and return how many.

    With 0 days, and under a legal hold, none is deleted. One call deletes at most 50000; the next call deletes more.
    ``now`` is milliseconds since 1970. Each batch of 100 is a transaction and an event of its own.
    """
    if not settings.TRACE_DAYS or settings.LEGAL_HOLD:
        return 0
    before = (now_ms() if now is None else now) - int(timedelta(days=settings.TRACE_DAYS) / timedelta(milliseconds=1))
    actor, count = system_actor("prune_traces"), 0
    old = Trace.objects.filter(received_ms__lt=before).order_by("received_ms", "pk").values_list("pk", flat=True)
    for _ in range(_MAX_BATCHES):
        batch = list(old[:BATCH])
        count += _remove(actor, batch, Action.TRACES_TRACES_PRUNED) if batch else 0
        if len(batch) < BATCH:
            break
    return count


@transaction.atomic
def _remove(actor: Actor, trace_ids: Sequence[str], action: Action) -> int:
    """Delete these traces with their spans, tags, assessments and files, and record it. Return how many were there."""
    rows = Trace.objects.select_for_update(of=("self",)).select_related("experiment").filter(pk__in=trace_ids)
    traces = list(rows.order_by("pk"))
    if not traces:
        return 0
    ids = [trace.pk for trace in traces]
    for part in _PARTS:
        part.objects.filter(trace_id__in=ids).delete()
    Trace.objects.filter(pk__in=ids).delete()
    files = forget_folders(folder for trace in traces if (folder := artifact_folder(trace)))
    experiments = sorted({trace.experiment_id for trace in traces})
    record(
        actor=actor,
        action=action,
        obj=experiment_ref(experiments[0]) if len(experiments) == 1 else "traces",
        before={"traces": ids, "experiments": experiments},
        after={"deleted": len(ids), "files": files},
    )
    return len(ids)
