"""The audit log with its filters, and the export of one model's evidence."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import FileResponse, HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from audit.actions import Action
from audit.export import export_model
from audit.queries import Page, events_matching
from audit.subjects import find_stream, may_read_whole_log
from console.audit.presenters.entries import entry_of
from console.shell.pages import page, render_page
from core.actors import Actor
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


@dataclass(frozen=True, slots=True)
class Filter:
    """The filter of the page; "" for everything."""

    model: str
    obj: str
    who: str
    action: str
    outcome: str

    @classmethod
    def of(cls, request: HttpRequest) -> Filter:
        """Read the filter from the query string."""
        given = {key: request.GET.get(key, "").strip() for key in cls.__slots__}
        return cls(**given)


def _events(actor: Actor, chosen: Filter, cursor: str) -> Page | None:
    """Return the events, or None where this person must choose a model first."""
    if not chosen.model and not may_read_whole_log(actor):
        return None
    stream = find_stream(actor, chosen.model) if chosen.model else ""
    return events_matching(
        stream=stream,
        obj=chosen.obj,
        actor=chosen.who,
        action=chosen.action,
        outcome=chosen.outcome,
        cursor=cursor,
        size=60,
    )


@page
def audit_log(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the log, newest first."""
    chosen = Filter.of(request)
    events = _events(actor, chosen, request.GET.get("cursor", ""))
    return render_page(
        request,
        "console/audit/audit.html",
        "Audit log",
        chosen=chosen,
        events=events,
        entries=[entry_of(event) for event in events.events] if events else [],
        names=visible_models(actor).order_by("name").values_list("name", flat=True)[:_MODELS_OFFERED],
        actions=_ACTIONS,
    )


@page
@require_POST
def export_evidence(_request: HttpRequest, actor: Actor, name: str) -> FileResponse:
    """Return the evidence of one model as a zip file. The export is recorded, so it is a POST."""
    package = export_model(actor=actor, name=name)
    headers = {"Content-Length": str(package.size)}
    return FileResponse(
        package.file, as_attachment=True, filename=package.filename, content_type="application/zip", headers=headers
    )
