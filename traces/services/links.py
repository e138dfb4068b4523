"""Traces of a run, and prompts of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.refs import run_ref
from traces.keys import SOURCE_RUN
from traces.limits import MAX_LINKS, check_count
from traces.models import Trace, TracePrompt, TraceRun
from traces.permissions import visible_to
from traces.services.rows import lock_trace
from tracking.limits import checked_text
from tracking.models import Lifecycle, Run
from tracking.permissions.runs import Change, may_read_run, refuse_run
from tracking.services.runs import lock_run

_TOO_MANY = "Cannot link more than {limit} traces to a run in a single request. Provided {count} traces."


@transaction.atomic
def link_traces_to_run(*, actor: Actor, run_id: str, trace_ids: Sequence[str]) -> int:
    """Link traces to a run and return how many new links there are.

    Ids of no trace, and of traces that the actor may not read, are ignored, as MLflow does. All links are one event.
    Raises NotFound: no such run. Raises Denied. Raises InvalidInput: the run is deleted. Raises TooLarge: more than
    100 traces.
    """
    check_count(trace_ids, MAX_LINKS, _TOO_MANY)
    run = lock_run(run_id, actor=actor, action=Action.TRACES_TRACES_LINKED)
    added = _add(actor, run, trace_ids)
    if added:
        record(actor=actor, action=Action.TRACES_TRACES_LINKED, obj=run_ref(run.pk), after={"traces": added})
    return len(added)


def add_run_links(*, actor: Actor, run_id: str, trace_ids: Sequence[str]) -> None:
    """Link traces that are being written to a run, in the caller's transaction.

    A run that does not exist, is deleted, or that the actor may not read, is ignored. Raises Denied: the actor may
    not change the run. Raises InvalidInput, NotFound: the run was deleted meanwhile.
    """
    linked = set(TraceRun.objects.filter(run_id=run_id, trace_id__in=trace_ids).values_list("trace_id", flat=True))
    new = [pk for pk in trace_ids if pk not in linked]
    run = Run.objects.filter(pk=run_id, lifecycle_stage=Lifecycle.ACTIVE).first() if new else None
    if run is not None and may_read_run(actor, run):
        _add(actor, lock_run(run_id, actor=actor, action=Action.TRACES_TRACES_LINKED), new)


def link_named_run(*, actor: Actor, trace: Trace, metadata: Mapping[str, str]) -> None:
    """Link a trace to the run that its metadata names, in the caller's transaction, where the actor may change it.

    Without a link the metadata counts only where the same account made the trace and the run
    (`traces.queries.of_run`).
    """
    run = Run.objects.filter(pk=metadata.get(SOURCE_RUN, ""), lifecycle_stage=Lifecycle.ACTIVE).first()
    if run is None or run.created_by == trace.created_by:
        return
    if may_read_run(actor, run) and refuse_run(actor, run, Change.EVIDENCE, Action.TRACES_TRACES_LINKED) is None:
        add_run_links(actor=actor, run_id=run.pk, trace_ids=[trace.pk])


def _add(actor: Actor, run: Run, trace_ids: Sequence[str]) -> list[str]:
    """Insert the links that are missing and return the ids of their traces, sorted."""
    visible_ids = set(Trace.objects.filter(visible_to(actor), pk__in=set(trace_ids)).values_list("pk", flat=True))
    visible_ids -= set(TraceRun.objects.filter(run=run, trace_id__in=visible_ids).values_list("trace_id", flat=True))
    added = sorted(visible_ids)
    TraceRun.objects.bulk_create([TraceRun(trace_id=pk, run=run) for pk in added], ignore_conflicts=True)
    return added


@transaction.atomic
def link_prompts(*, actor: Actor, trace_id: str, prompts: Sequence[tuple[str, int]]) -> None:
    """Store which versions of prompts (name, number) a trace used. This is telemetry: no event is recorded.

    Raises NotFound: no such trace. Raises Denied. Raises InvalidInput: a name is too long. Raises TooLarge: more than
    100 prompts.
    """
    check_count(prompts, MAX_LINKS, "At most {limit} prompts can be linked to a trace at once. Got {count}.")
    lock_trace(actor, trace_id, action=Action.TRACES_TAG_SET)
    rows = [
        TracePrompt(trace_id=trace_id, name=checked_text(name, field="name", limit=256), version=version)
        for name, version in prompts
    ]
    TracePrompt.objects.bulk_create(rows, ignore_conflicts=True)
