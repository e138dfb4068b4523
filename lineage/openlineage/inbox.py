"""Receiving OpenLineage events.

Each event is stored as it was sent and merged into the state of its run, job or dataset; then edges are derived.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import DatabaseError, transaction

from audit.actions import Action
from audit.evidence import Evidence, node_subject, note_writer
from audit.services import record_many
from core.actors import Actor
from core.bulk import BulkInsert, among
from core.errors import DomainError
from core.refs import run_ref
from lineage import models
from lineage.models import Job, JobRun
from lineage.openlineage.datasets import jobs_named, merge_datasets
from lineage.openlineage.events import LineageEvent, read_event
from lineage.openlineage.graph import run_node, settle_run, shape_of
from lineage.openlineage.merge import State, merged_job, merged_run
from lineage.openlineage.together import settle_together

logger = logging.getLogger(__name__)
_MOST_NAMED = 20
MOST_EVENTS = 10_000
_RUNS_AT_ONCE = 500
_ADD_EVENTS = BulkInsert(models.LineageEvent, conflict="ON CONFLICT (sha256) DO NOTHING")


@dataclass(frozen=True, slots=True)
class Failure:
    """An event of a batch that was not stored: its index, the reason, and whether sending it again may help."""

    index: int
    reason: str
    retriable: bool


def receive_event(*, actor: Actor, data: object) -> None:
    """Store one event and derive its edges.

    Raises InvalidInput: it cannot be read. Raises Denied: it is about somebody else's run or model.
    """
    _take(actor, [read_event(data)])


def receive_batch(*, actor: Actor, items: Sequence[object]) -> list[Failure]:
    """Store the events of a batch and derive their edges; return those that were not stored.

    Runs whose events only add edges are handled many in one transaction, all other subjects each in one of its own.
    """
    failures: list[Failure] = []
    groups: dict[str, list[tuple[int, LineageEvent]]] = {}
    for index, data in enumerate(items):
        try:
            event = read_event(data)
        except DomainError as error:
            failures.append(Failure(index, error.message, retriable=False))
        else:
            groups.setdefault(subject_of(event), []).append((index, event))
    taken = _take_many(actor, {subject: [event for _, event in group] for subject, group in groups.items()})
    for subject, group in groups.items():
        if subject not in taken:
            failures += _take_group(actor, group)
    return sorted(failures, key=lambda failure: failure.index)


def _take_many(actor: Actor, groups: Mapping[str, Sequence[LineageEvent]]) -> set[str]:
    """Store the events of runs, 500 runs in a transaction; return the runs whose events were stored."""
    subjects = [subject for subject, events in groups.items() if events[0].run_id]
    taken: set[str] = set()
    for start in range(0, len(subjects), _RUNS_AT_ONCE) if len(subjects) > 1 else ():
        part = {subject: groups[subject] for subject in subjects[start : start + _RUNS_AT_ONCE]}
        try:
            taken |= _take_together(actor, part)
        except (DomainError, DatabaseError):
            logger.exception("events of many runs were not stored together; those of each run are stored by themselves")
    return taken


@transaction.atomic
def _take_together(actor: Actor, groups: Mapping[str, Sequence[LineageEvent]]) -> set[str]:
    stored = _stored_digests(event for events in groups.values() for event in events)
    new = {subject: _new_of(events, stored) for subject, events in groups.items()}
    settled = settle_together(actor=actor, groups={subject: events for subject, events in new.items() if events})
    settled_events = {subject: events for subject, events in new.items() if subject in settled}
    merge_datasets(actor, [event for events in settled_events.values() for event in events])
    _store_events(actor, settled_events)
    return settled | {subject for subject, events in new.items() if not events}


def _take_group(actor: Actor, group: Sequence[tuple[int, LineageEvent]]) -> list[Failure]:
    try:
        _take(actor, [event for _, event in group])
    except DomainError as error:
        return [Failure(index, error.message, retriable=False) for index, _ in group]
    except DatabaseError:
        logger.exception("events of one run were not stored")
        return [Failure(index, "The event could not be stored. Send it again.", retriable=True) for index, _ in group]
    return []


def subject_of(event: LineageEvent) -> str:
    """Return the subject of an event: the URN of the run, otherwise the job or the dataset."""
    if event.run_id:
        return run_ref(event.run_id)
    if event.job:
        return f"job:{json.dumps(event.job)}"[:700]
    return f"dataset:{event.dataset.key}"[:700] if event.dataset else ""


@transaction.atomic
def _take(actor: Actor, events: Sequence[LineageEvent]) -> None:
    """Store events on one subject and derive their edges, in one transaction. Events stored before change nothing."""
    new = _new_of(events, _stored_digests(events))
    if new:
        merge_events(actor=actor, events=new)
        _store_events(actor, {subject_of(new[0]): new})


def _stored_digests(events: Iterable[LineageEvent]) -> set[str]:
    """Return the digests of those of the events that were stored before."""
    digests = among([event.sha256 for event in events])
    return set(models.LineageEvent.objects.filter(sha256__in=digests).values_list("sha256", flat=True))


def _new_of(events: Sequence[LineageEvent], stored: set[str]) -> list[LineageEvent]:
    return list({event.sha256: event for event in events if event.sha256 not in stored}.values())


def _store_events(actor: Actor, groups: Mapping[str, Sequence[LineageEvent]]) -> None:
    """Store events as they were sent, and record one event in the audit log for each subject."""
    _ADD_EVENTS.run(
        [
            {
                "sha256": event.sha256,
                "body": event.text,
                "subject": subject,
                "event_time": event.time,
                "problem": "; ".join(event.warnings)[:500],
                "sent_by": actor.name,
                "actor_ref": actor.ref[:100],
            }
            for subject, events in groups.items()
            for event in events
        ]
    )
    record_many(
        actor=actor,
        action=Action.LINEAGE_EVENTS_RECEIVED,
        changes={
            subject[:200]: {"events": len(events), "sha256": [event.sha256 for event in events][:_MOST_NAMED]}
            for subject, events in groups.items()
        },
    )


def merge_events(*, actor: Actor, events: Sequence[LineageEvent]) -> None:
    """Merge events on one subject into its state and derive the edges that follow. Joins the caller's transaction.

    Raises Denied: somebody else's run or model.
    """
    first = events[0]
    if first.run_id:
        _merge_run(actor, events)
    elif first.job:
        _merge_job(events)
    merge_datasets(actor, events)


def _merge_run(actor: Actor, events: Sequence[LineageEvent]) -> None:
    run_id = events[0].run_id
    node = run_node(actor, run_id)
    job_run, _ = JobRun.objects.get_or_create(node=node, defaults={"sent_by": actor.name, "actor_ref": actor.ref[:100]})
    row = JobRun.objects.select_for_update(of=("self",)).select_related("node", "job").get(pk=job_run.pk)
    settle_state(actor=actor, row=row, run_id=run_id, state=merged_run(json.loads(row.merged), events))


def settle_state(*, actor: Actor, row: JobRun, run_id: str, state: State) -> None:
    """Store the merged state of a run, and derive its edges again where its shape changed."""
    row.merged = json.dumps(state, sort_keys=True)
    is_tracked = row.node.urn != run_ref(run_id)
    if state["jobs"]:
        row.job = _job(tuple(state["jobs"][0]))
        if not is_tracked and row.node.name != row.job.name:
            row.node.name = row.job.name
            row.node.save(update_fields=["name"])
    shape = shape_of(actor, state, run_id, tracked=is_tracked)
    if row.shape != shape.digest:
        settle_run(actor, row, run_id, shape)
        row.shape = shape.digest
        note_writer(
            actor=actor,
            subject=node_subject(row.node_id),
            kind=Evidence.EDGE_DECLARED,
            details=["an OpenLineage event"],
        )
    row.save(update_fields=["merged", "shape", "pairs", "job"])


def _job(named: tuple[str, str]) -> Job:
    return jobs_named([named])[named]


def _merge_job(events: Sequence[LineageEvent]) -> None:
    if events[0].job is None:
        return
    row = Job.objects.select_for_update().get(pk=_job(events[0].job).pk)
    state = json.loads(row.merged)
    for event in events:
        state = merged_job(state, event)
    row.merged = json.dumps(state, sort_keys=True)
    row.save(update_fields=["merged"])
