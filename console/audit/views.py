"""The audit log: filter it, follow one object, take the evidence of one model home."""

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
    """Return the actions by area, each with its sentence: what a filter offers."""
    found: dict[str, list[tuple[str, str]]] = {}
    for action in Action:
        words = action.record.done.replace("{object}", "…")
        found.setdefault(action.value.partition(".")[0].capitalize(), []).append((action.value, words))
    return list(found.items())


_ACTIONS = _actions()


@dataclass(frozen=True, slots=True)
class Choice:
    """What the page is narrowed to."""

    model: str
    obj: str
    who: str
    action: str
    outcome: str

    @classmethod
    def of(cls, request: HttpRequest) -> Choice:
        """Read the choice from the address."""
        given = {key: request.GET.get(key, "").strip() for key in cls.__slots__}
        return cls(**given)


def _events(actor: Actor, choice: Choice, cursor: str) -> Page | None:
    """Return the events, or None where this person must name a model first."""
    if not choice.model and not may_read_whole_log(actor):
        return None
    stream = find_stream(actor, choice.model) if choice.model else ""
    return events_matching(
        stream=stream,
        obj=choice.obj,
        actor=choice.who,
        action=choice.action,
        outcome=choice.outcome,
        cursor=cursor,
        size=60,
    )


@page
def audit_log(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show the log, newest first."""
    choice = Choice.of(request)
    found = _events(actor, choice, request.GET.get("cursor", ""))
    return render_page(
        request,
        "console/audit/audit.html",
        "Audit log",
        choice=choice,
        found=found,
        entries=[entry_of(event) for event in found.events] if found else [],
        names=visible_models(actor).order_by("name").values_list("name", flat=True)[:_MODELS_OFFERED],
        actions=_ACTIONS,
    )


@page
@require_POST
def export_evidence(_request: HttpRequest, actor: Actor, name: str) -> FileResponse:
    """Give the evidence of one model as a zip; that it was taken is recorded, so it is a POST."""
    package = export_model(actor=actor, name=name)
    headers = {"Content-Length": str(package.size)}
    return FileResponse(
        package.file, as_attachment=True, filename=package.filename, content_type="application/zip", headers=headers
    )
