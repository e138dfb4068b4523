"""Traces of a run, and prompts of a trace."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import NotFound
from core.refs import run_ref
from traces.limits import MAX_LINKS, check_count, shown
from traces.models import Trace, TracePrompt, TraceRun
from tracking.limits import checked_text
from tracking.models import Lifecycle, Run
from tracking.services.runs import lock_run

_TOO_MANY = "Cannot link more than {limit} traces to a run in a single request. Provided {count} traces."


@transaction.atomic
def link_traces_to_run(*, actor: Actor, run_id: str, trace_ids: Sequence[str]) -> int:
    """Let traces belong to a run and return how many did not before; ids of no trace are ignored, as MLflow does.

    One event for all of them. NotFound: no such run. InvalidInput: it is deleted. TooLarge: more than 100 traces.
    """
    check_count(trace_ids, MAX_LINKS, _TOO_MANY)
    run = lock_run(run_id, actor=actor)
    added = _add(run, trace_ids)
    if added:
        record(actor=actor, action=Action.TRACES_TRACES_LINKED, obj=run_ref(run.pk), after={"traces": added})
    return len(added)


def add_run_links(*, actor: Actor, run_id: str, trace_ids: Sequence[str]) -> None:
    """Let traces that are being written belong to a run, in the caller's transaction. A run that is not there is ignored."""
    linked = set(TraceRun.objects.filter(run_id=run_id, trace_id__in=trace_ids).values_list("trace_id", flat=True))
    new = [pk for pk in trace_ids if pk not in linked]
    if new and Run.objects.filter(pk=run_id, lifecycle_stage=Lifecycle.ACTIVE).exists():
        _add(lock_run(run_id, actor=actor), new)


def _add(run: Run, trace_ids: Sequence[str]) -> list[str]:
    """Insert the links that are missing and return the ids of their traces, sorted."""
    known = set(Trace.objects.filter(pk__in=set(trace_ids)).values_list("pk", flat=True))
    known -= set(TraceRun.objects.filter(run=run, trace_id__in=known).values_list("trace_id", flat=True))
    added = sorted(known)
    TraceRun.objects.bulk_create([TraceRun(trace_id=pk, run=run) for pk in added], ignore_conflicts=True)
    return added


@transaction.atomic
def link_prompts(*, actor: Actor, trace_id: str, prompts: Sequence[tuple[str, int]]) -> None:  # noqa: ARG001 - every service gets the actor
    """Note which versions of prompts (name, number) a trace used. They are part of the telemetry: no event is recorded.

    NotFound: no such trace. InvalidInput: a name is too long. TooLarge: more than 100 prompts.
    """
    check_count(prompts, MAX_LINKS, "At most {limit} prompts can be linked to a trace at once. Got {count}.")
    if not Trace.objects.filter(pk=trace_id).exists():
        raise NotFound(f"Trace with ID {shown(trace_id)} is not found.")
    rows = [
        TracePrompt(trace_id=trace_id, name=checked_text(name, what="name", limit=256), version=version)
        for name, version in prompts
    ]
    TracePrompt.objects.bulk_create(rows, ignore_conflicts=True)
