"""The audit log with its filters, and one event with its proof."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse

from audit.actions import Action
from audit.exports.jobs import recent_exports
from audit.exports.tables import has_parquet
from audit.models import Event
from audit.queries import current_log, facts, leaves_of
from audit.siem.service import siem_states
from audit.subjects import may_read_whole_log
from audit.transparency.event_proofs import proof_of
from audit.transparency.health import log_health
from audit.witnesses.service import witnessing
from console.audit.filters import GROUP_CHOICES, Filter, events_of
from console.audit.presenters.entries import entry_of
from console.shell.pages import page, render_page
from core.actors import Actor
from core.errors import NotFound
from registry.audit import may_read_stream
from registry.permissions import visible_models

_MODELS_OFFERED = 500


def _actions() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the choices of the filter: actions by area, each with its sentence."""
    areas: dict[str, list[tuple[str, str]]] = {}
    for action in Action:
        sentence = action.record.done.replace("{object}", "…")
        areas.setdefault(action.value.partition(".")[0].capitalize(), []).append((action.value, sentence))
    return list(areas.items())


_ACTIONS = _actions()


@page
def audit_log(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the log, newest first."""
    chosen = Filter.of(request)
    events = events_of(actor, chosen, request.GET.get("cursor", ""))
    return render_page(
        request,
        "console/audit/audit.html",
        "Audit log",
        chosen=chosen,
        events=events,
        entries=[entry_of(event) for event in events.events] if events else [],
        names=visible_models(actor).order_by("name").values_list("name", flat=True)[:_MODELS_OFFERED],
        actions=_ACTIONS,
        groups=GROUP_CHOICES,
        witnesses=witnessing(current_log()),
        siem=siem_states(),
        health=log_health(),
        exports=recent_exports(actor),
        has_parquet=has_parquet(),
    )


@page
def event(request: HttpRequest, actor: Actor, event_id: uuid.UUID) -> HttpResponse:
    """Show one event: its sentence, its exact bytes, its position in the log, and its proof."""
    row = _event(actor, event_id)
    proof = proof_of(row)
    return render_page(
        request,
        "console/audit/event.html",
        f"Event {row.event_id}",
        entry=entry_of(row),
        event=row,
        facts=facts(row),
        body=bytes(row.body).decode("utf-8", "replace"),
        position=leaves_of([row]).get(row.pk),
        has_proof=proof is not None,
    )


@page
def event_proof(_request: HttpRequest, actor: Actor, event_id: uuid.UUID) -> HttpResponse:
    """Return the proof that an event is in the signed log, as a file. Raises NotFound while no checkpoint covers it."""
    proof = proof_of(_event(actor, event_id))
    if proof is None:
        raise NotFound("This event is not signed yet.")
    headers = {"Content-Disposition": f'attachment; filename="event-{event_id}.tlog-proof"'}
    return HttpResponse(proof[1], content_type="text/plain; charset=utf-8", headers=headers)


def _event(actor: Actor, event_id: uuid.UUID) -> Event:
    """Return an event. Raises NotFound where it does not exist or the actor may not read its model."""
    row: Event | None = Event.objects.filter(event_id=event_id).first()
    if row is None or not (may_read_whole_log(actor) or may_read_stream(actor, row.stream)):
        raise NotFound("There is no such event.")
    return row
