"""The rows of traces that are being written: made where they are missing, locked until commit, in one order for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db.models import QuerySet

from core.actors import Actor
from core.errors import Conflict, NotFound
from core.times import now_ms
from traces.files import artifact_location
from traces.keys import ARTIFACT_LOCATION
from traces.limits import shown
from traces.models import Trace, TraceMetadata, TraceTag
from tracking.models import Experiment
from tracking.queries import experiment_number
from tracking.services.experiments import require_active


def active_experiment(experiment_id: str | int) -> Experiment:
    """Return an experiment that takes traces. NotFound: there is none; InvalidInput: no number, or it is deleted."""
    number = experiment_number(experiment_id)
    experiment = Experiment.objects.filter(pk=number).first()
    if experiment is None:
        raise NotFound(f"No Experiment with id={number} exists")
    require_active(experiment)
    return experiment


def open_traces(*, actor: Actor, experiment: Experiment, starts: Mapping[str, int]) -> dict[str, Trace]:
    """Return traces by id, locked until commit; those that are missing are made in the experiment.

    ``starts`` gives for each trace id the time in milliseconds that a new trace starts at. Several writers of one trace
    come one after the other, and whoever is first makes it.
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
    return traces


def lock_trace(trace_id: str) -> Trace:
    """Return a trace, locked until commit. NotFound."""
    trace = _locked(Trace.objects.filter(pk=trace_id)).first()
    if trace is None:
        raise NotFound(f"Trace with ID {shown(trace_id)} is not found.")
    return trace


def save_traces(traces: Iterable[Trace], fields: Sequence[str]) -> None:
    """Write these columns of traces that are locked. One statement."""
    Trace.objects.bulk_create(traces, update_conflicts=True, unique_fields=["id"], update_fields=fields)


def _locked(traces: QuerySet[Trace]) -> QuerySet[Trace]:
    return traces.select_for_update(of=("self",), no_key=True).select_related("experiment").order_by("pk")


def put_tags(tags: Mapping[str, Mapping[str, str]]) -> None:
    """Set tags, given by trace id; those that are there get the new values. One statement."""
    rows = [TraceTag(trace_id=pk, key=key, value=value) for pk, key, value in _flat(tags)]
    TraceTag.objects.bulk_create(rows, update_conflicts=True, unique_fields=["trace", "key"], update_fields=["value"])


def put_metadata(metadata: Mapping[str, Mapping[str, str]]) -> None:
    """Set metadata, given by trace id; what is there gets the new values. One statement."""
    rows = [TraceMetadata(trace_id=pk, key=key, value=value) for pk, key, value in _flat(metadata)]
    TraceMetadata.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["trace", "key"], update_fields=["value"]
    )


def add_metadata(metadata: Mapping[str, Mapping[str, str]]) -> None:
    """Set metadata, given by trace id, where it is missing; what is there stays. One statement."""
    rows = [TraceMetadata(trace_id=pk, key=key, value=value) for pk, key, value in _flat(metadata)]
    TraceMetadata.objects.bulk_create(rows, ignore_conflicts=True)


def _flat(pairs_by_trace: Mapping[str, Mapping[str, str]]) -> Iterable[tuple[str, str, str]]:
    """Yield (trace id, key, value) in one order for all writers, so that they do not wait for each other in a circle."""
    for pk in sorted(pairs_by_trace):
        for key in sorted(pairs_by_trace[pk]):
            yield pk, key, pairs_by_trace[pk][key]


def location_tag(trace: Trace) -> dict[str, str]:
    """Return the tag that tells clients where to put the files of a trace."""
    return {ARTIFACT_LOCATION: artifact_location(trace)}
