"""The rows of traces that are being written: inserted where missing, and locked until commit.

Every writer locks in the order of the ids, so that two writers do not deadlock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import QuerySet

from audit.actions import Action
from core.actors import Actor
from core.errors import Conflict, NotFound
from core.times import now_ms
from traces.files import artifact_location
from traces.keys import ARTIFACT_LOCATION
from traces.models import Trace, TraceMetadata, TraceTag
from traces.permissions import require_readable_trace, require_trace, require_traces, trace_not_found
from tracking.models import Experiment
from tracking.permissions.experiments import experiment_not_found, require_readable
from tracking.permissions.runs import Change
from tracking.queries import experiment_number
from tracking.services.experiments import require_active


def active_experiment(actor: Actor, experiment_id: str | int) -> Experiment:
    """Return an experiment that the actor may read and that is not deleted.

    Raises NotFound: there is none. Raises InvalidInput: the id is no number, or the experiment is deleted.
    """
    number = experiment_number(experiment_id)
    experiment = Experiment.objects.filter(pk=number).first()
    if experiment is None:
        raise NotFound(experiment_not_found(number))
    require_readable(actor, number)
    require_active(experiment)
    return experiment


def open_traces(*, actor: Actor, experiment: Experiment, starts: Mapping[str, int]) -> dict[str, Trace]:
    """Return traces by id, locked until commit; those that are missing are inserted into the experiment.

    ``starts`` gives for each trace id the time in milliseconds that a new trace starts at. Several writers of one
    trace wait for each other, and the first inserts it. Raises NotFound: a trace that the actor may not read. Raises
    Denied: a trace that the actor may not change. Raises Conflict: a trace was deleted meanwhile.
    """
    received = now_ms()
    ids = sorted(starts)
    new = [
        Trace(id=pk, experiment=experiment, request_ms=starts[pk], received_ms=received, created_by=actor.name)
        for pk in ids
    ]
    Trace.objects.bulk_create(new, ignore_conflicts=True)
    traces = {trace.pk: trace for trace in _locked(Trace.objects.filter(pk__in=ids))}
    if len(traces) < len(ids):
        raise Conflict("A trace was deleted at the same moment. Send it again.")
    others = [
        trace for trace in traces.values() if trace.created_by != actor.name or trace.experiment_id != experiment.pk
    ]
    require_traces(actor, others, Change.EVIDENCE, Action.TRACES_TAG_SET)
    return traces


def lock_trace(actor: Actor, trace_id: str, *, action: Action, change: Change | None = Change.EVIDENCE) -> Trace:
    """Return a trace that the actor may ``change``, or may read where that is None. It is locked until commit.

    Raises NotFound. Raises Denied, which names ``action``.
    """
    trace = _locked(Trace.objects.filter(pk=trace_id)).first()
    if trace is None:
        raise NotFound(trace_not_found(trace_id))
    if change is None:
        require_readable_trace(actor, trace)
    else:
        require_trace(actor, trace, change, action)
    return trace


def save_traces(traces: Iterable[Trace], fields: Sequence[str]) -> None:
    """Write these columns of traces that are locked. One statement."""
    Trace.objects.bulk_create(traces, update_conflicts=True, unique_fields=["id"], update_fields=fields)


def _locked(traces: QuerySet[Trace]) -> QuerySet[Trace]:
    return traces.select_for_update(of=("self",), no_key=True).select_related("experiment").order_by("pk")


def put_tags(tags: Mapping[str, Mapping[str, str]]) -> None:
    """Set tags, given by trace id; existing ones get the new values. One statement."""
    rows = [TraceTag(trace_id=pk, key=key, value=value) for pk, key, value in _flat(tags)]
    TraceTag.objects.bulk_create(rows, update_conflicts=True, unique_fields=["trace", "key"], update_fields=["value"])


def put_metadata(metadata: Mapping[str, Mapping[str, str]]) -> None:
    """Set metadata, given by trace id; existing keys get the new values. One statement."""
    rows = [TraceMetadata(trace_id=pk, key=key, value=value) for pk, key, value in _flat(metadata)]
    TraceMetadata.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["trace", "key"], update_fields=["value"]
    )


def add_metadata(metadata: Mapping[str, Mapping[str, str]]) -> None:
    """Add metadata, given by trace id; existing keys are not changed. One statement."""
    rows = [TraceMetadata(trace_id=pk, key=key, value=value) for pk, key, value in _flat(metadata)]
    TraceMetadata.objects.bulk_create(rows, ignore_conflicts=True)


def _flat(pairs_by_trace: Mapping[str, Mapping[str, str]]) -> Iterable[tuple[str, str, str]]:
    """Yield (trace id, key, value), sorted: all writers write in this order and so do not deadlock."""
    for pk in sorted(pairs_by_trace):
        for key in sorted(pairs_by_trace[pk]):
            yield pk, key, pairs_by_trace[pk][key]


def location_tag(trace: Trace) -> dict[str, str]:
    """Return the tag with the location for the files of a trace."""
    return {ARTIFACT_LOCATION: artifact_location(trace)}
