"""The dialog that confirms a version whose re-review is due."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from approvals.oversight.re_reviews import confirm_version
from console.oversight.forms import ConfirmForm
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.links import version_url
from console.shell.lookups import find_version
from console.shell.pages import model_crumbs, page
from core.actors import Actor


@page
def confirm(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Confirm in a dialog that a version may stay where it is."""
    version = find_version(actor, name, number)
    form = ConfirmForm(submitted(request))
    dialog = Dialog(
        title=f"Confirm {version}",
        submit="Confirm version",
        description=f"You confirm that {version} may stay where it is. Its policy sets when the next re-review is due.",
        tone="is-ok",
    )

    def act() -> str:
        re_review = confirm_version(actor=actor, name=name, version=number, comment=form.cleaned_data["comment"])
        messages.success(request, f"{version} is confirmed. The next re-review is due on {re_review.due_at:%Y-%m-%d}.")
        return version_url(name, number)

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))
