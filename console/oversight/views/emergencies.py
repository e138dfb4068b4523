"""Rolling back, breaking the glass, and the reviews that follow: each a dialog; and the list of emergencies."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from approvals.case.rollback_candidates import rollback_candidates
from approvals.models import RequestState, TransitionRequest
from approvals.oversight.post_review_queries import get_post_review, visible_post_reviews
from approvals.oversight.post_reviews import complete_post_review
from approvals.oversight.re_reviews import confirm_version
from approvals.requests.break_glass import break_glass
from approvals.requests.roll_back import roll_back
from console.oversight.forms import BreakGlassForm, ConfirmForm, PostReviewForm, RollBackForm
from console.oversight.presenters import glass_targets
from console.shell.dialogs import Dialog, run_dialog
from console.shell.pages import Crumb, model_crumbs, page, paginate, render_page
from core.actors import Actor
from core.errors import InvalidState
from registry.queries import get_model, get_version


@page
def ask_roll_back(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Bring back a version that was in Production before."""
    model = get_model(actor, name)
    found = [row.version for row in rollback_candidates(model) if not row.obstacle]
    if not found:
        raise InvalidState(f"There is no version of {name} to go back to whose approval still stands.")
    form = RollBackForm(
        request.POST or None,
        versions=[
            (row.version, f"v{row.version}{' (the one before)' if place == 0 else ''}")
            for place, row in enumerate(found)
        ],
    )
    dialog = Dialog(
        title=f"Roll {name} back",
        submit="Roll back",
        description="What serves now is archived in the same step. It happens at once where the policy asks for nothing else.",
        tone="is-bad",
    )

    def act() -> str:
        said = form.cleaned_data
        done = roll_back(actor=actor, name=name, reason=said["reason"], version=said["version"], wait_seconds=None)
        if done.request is None:
            messages.success(request, f"{done.version} is current Production again.")
            return reverse("console:model", args=[name])
        return _told(request, done.request, f"{done.version} is current Production again.")

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name))


@page
def ask_break_glass(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Ask for a move past the policy."""
    version = get_version(actor, name, number)
    targets = glass_targets(actor, version)
    if not targets:
        raise InvalidState(f"No policy lets you break the glass for {version}.")
    form = BreakGlassForm(request.POST or None, targets=targets)
    dialog = Dialog(
        title=f"Break the glass: {version}",
        submit="Break the glass",
        description="The version moves past its policy. Everybody is told, and the move must be reviewed afterwards.",
        tone="is-bad",
    )

    def act() -> str:
        said = form.cleaned_data
        made = break_glass(
            actor=actor,
            name=name,
            version=number,
            target=said["target"],
            reason=said["reason"],
            archive_existing=said["archive_existing"],
        )
        return _told(request, made, f"{version} went to {made.target}. A review is owed.")

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))


@page
def confirm(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Stand by a version that has to be reviewed again."""
    version = get_version(actor, name, number)
    form = ConfirmForm(request.POST or None)
    dialog = Dialog(
        title=f"Review {version} again",
        submit="Stand by it",
        description="You say that it may stay where it is. Its next review is due as its policy says.",
        tone="is-ok",
    )

    def act() -> str:
        given = confirm_version(actor=actor, name=name, version=number, comment=form.cleaned_data["comment"])
        messages.success(request, f"{version} is reviewed. The next time is due on {given.due_at:%Y-%m-%d}.")
        return reverse("console:version", args=[name, number])

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))


@page
def emergencies(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List what broke the glass, with the reviews that are owed first."""
    state = request.GET.get("state", "")
    rows = visible_post_reviews(actor, state=state if state in {"open", "overdue", "completed"} else "")
    found = paginate(request, rows.order_by(F("completed_at").desc(nulls_first=True), "due_at", "pk"))
    return render_page(request, "console/oversight/emergencies.html", "Emergencies", rows=found, state=state)


@page
def complete(request: HttpRequest, actor: Actor, post_review_id: int) -> HttpResponse:
    """Say what the review after an emergency came to."""
    row = get_post_review(actor, post_review_id)
    form = PostReviewForm(request.POST or None)
    dialog = Dialog(
        title=f"Review the emergency of {row.request.version}",
        submit="Record the review",
        description=f"{row.requester} moved it to {row.request.target} past its policy: “{row.request.comment[:300]}”",
    )

    def act() -> str:
        complete_post_review(actor=actor, post_review_id=row.pk, **form.cleaned_data)
        messages.success(request, "The review is recorded.")
        return reverse("console:emergencies")

    crumbs = [Crumb("Emergencies", reverse("console:emergencies"))]
    return run_dialog(request, actor, dialog, form, act, crumbs=crumbs)


def _told(request: HttpRequest, made: TransitionRequest, done: str) -> str:
    """Say what came of a request, and return its page."""
    if made.state == RequestState.APPLIED:
        messages.success(request, done)
    else:
        messages.info(request, "The request is open: its page says what is missing.")
    return reverse("admin:approvals_transitionrequest_change", args=[made.pk])
