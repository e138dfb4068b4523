"""The dialogs that confirm or reject a suggested edge."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from console.lineage.forms import DecisionForm
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.links import lineage_url
from console.shell.pages import Crumb, page
from core.actors import Actor
from lineage.models import Relation
from lineage.suggestions.decide import confirm_suggestion, find_suggestion, reject_suggestion
from lineage.suggestions.methods import Suggestion


@page
def confirm(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Confirm a suggested edge in a dialog."""
    return _decide(request, actor, confirm_suggestion, "Confirm", "The edge then counts as if you had declared it.")


@page
def reject(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Reject a suggested edge in a dialog."""
    return _decide(request, actor, reject_suggestion, "Reject", "It is not suggested again.")


def _decide(
    request: HttpRequest, actor: Actor, service: Callable[..., object], verb: str, consequence: str
) -> HttpResponse:
    src, dst, method = (request.GET.get(name, "") for name in ("source", "target", "method"))
    suggestion = find_suggestion(actor, src, dst, method)
    form = DecisionForm(submitted(request))

    def act() -> str:
        service(actor=actor, src_urn=src, dst_urn=dst, method=method, reason=form.cleaned_data["reason"])
        messages.success(request, f"{verb}ed: {_sentence(suggestion)}.")
        return lineage_url(suggestion.dst.urn, suggested="1")

    dialog = Dialog(
        title=f"{verb} suggestion",
        description=f"{_sentence(suggestion)}. {suggestion.evidence} {consequence}",
        submit=f"{verb} suggestion",
        tone="is-bad" if verb == "Reject" else "is-primary",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=[Crumb("Lineage", reverse("console:lineage"))])


def _sentence(suggestion: Suggestion) -> str:
    src, dst = suggestion.src, suggestion.dst
    return f"{src.name} {src.version} {Relation(suggestion.relation).label} {dst.name} {dst.version}".strip()
