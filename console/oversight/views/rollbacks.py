"""The dialog that rolls a model back to a version that was in Production before."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse

from approvals.case.rollback_candidates import RollbackCandidate, rollback_candidates
from approvals.requests.roll_back import roll_back
from console.oversight.forms import RollBackForm
from console.shell.dialogs import Dialog, run_dialog, show_dialog, submitted
from console.shell.flash import flash_outcome
from console.shell.forms import ConsoleForm
from console.shell.lookups import find_model
from console.shell.pages import model_crumbs, page
from core.actors import Actor
from core.errors import InvalidState
from registry.queries import incumbent_of


def _nothing_to_roll_back_to(request: HttpRequest, name: str, earlier: Sequence[RollbackCandidate]) -> HttpResponse:
    why = f"{name} has no version that was in Production before and whose approval is still valid."
    if request.method == "POST":
        raise InvalidState(why)
    reasons = render_to_string("console/oversight/_no_rollback.html", {"candidates": earlier, "name": name})
    dialog = Dialog(title=f"{name} cannot be rolled back", description=why, intro=reasons)
    return show_dialog(request, dialog, ConsoleForm(), model_crumbs(name))


@page
def ask_roll_back(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Roll a model back in a dialog, which says why where no earlier version has a valid approval.

    Raises InvalidState where the form is sent nevertheless.
    """
    model = find_model(actor, name)
    earlier = rollback_candidates(model)
    candidates = [row.version for row in earlier if not row.obstacle]
    if not candidates:
        return _nothing_to_roll_back_to(request, name, earlier)
    labels = [f"v{row.version}" for row in candidates]
    labels[0] += " (the previous one)"
    form = RollBackForm(
        submitted(request),
        versions=[(row.version, label) for row, label in zip(candidates, labels, strict=True)],
    )
    current = incumbent_of(model)
    archived = f"{current} is archived in the same step. " if current else ""
    dialog = Dialog(
        title=f"Roll back {name}",
        submit=f"Roll back {name}",
        description=f"{archived}The rollback happens at once unless the policy requires an approval for it.",
        tone="is-bad",
    )

    def act() -> str:
        cleaned = form.cleaned_data
        result = roll_back(
            actor=actor, name=name, reason=cleaned["reason"], version=cleaned["version"], wait_seconds=None
        )
        moved_message = f"{result.version} is in Production again."
        if result.request is not None:
            return flash_outcome(request, result.request, moved_message)
        messages.success(request, moved_message)
        return reverse("console:model", args=[name])

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))
