"""Deriving runs, jobs and datasets again from the stored events."""

from __future__ import annotations

import json
from collections.abc import Callable

from django.db import transaction

from core.actors import Actor
from core.errors import DomainError
from core.refs import run_ref
from lineage.models import JobRun, LineageEvent
from lineage.openlineage.events import read_event
from lineage.openlineage.inbox import merge_events, settle_state
from lineage.openlineage.merge import merged_run

_AT_ONCE = 200


def replay(*, sender_of: Callable[[str], Actor | None], subject: str = "") -> tuple[int, list[str]]:
    """Derive everything again from the stored events, or from those on one subject.

    ``sender_of`` returns the account with a reference, None for a deleted or inactive one. The sender of events must
    still have the rights that they need. Return the number of replayed events, and a message for each subject that
    could not be replayed.
    """
    rows = LineageEvent.objects.order_by("subject", "pk")
    if subject:
        rows = rows.filter(subject=subject)
    count, problems = 0, []
    for name in rows.values_list("subject", flat=True).distinct().order_by("subject").iterator():
        stored = list(LineageEvent.objects.filter(subject=name).order_by("pk"))
        actor = sender_of(stored[0].actor_ref)
        if actor is None:
            problems.append(f"{name}: {stored[0].sent_by} has no account any more")
            continue
        try:
            _replay_subject(actor, name, stored)
        except DomainError as error:
            problems.append(f"{name}: {error.message}")
        else:
            count += len(stored)
    return count, problems


@transaction.atomic
def _replay_subject(actor: Actor, name: str, rows: list[LineageEvent]) -> None:
    events = [read_event(json.loads(row.body)) for row in rows]
    for start in range(0, len(events), _AT_ONCE):
        merge_events(actor=actor, events=events[start : start + _AT_ONCE])
    if not name.startswith(run_ref("")):
        return
    run_id = events[0].run_id
    job_runs = JobRun.objects.select_for_update(of=("self",)).select_related("node", "job")
    row = job_runs.get(node__urn__in=[run_ref(run_id), run_ref(run_id.replace("-", ""))])
    row.shape = ""  # so the edges are derived again in any case
    settle_state(actor=actor, row=row, run_id=run_id, state=merged_run({}, events))
