"""Break-glass moves: the dialog that requests one, the list of them, and the dialog that reviews one."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.passkeys.enrolment import passkeys_of
from approvals.oversight.post_review_queries import get_post_review, visible_post_reviews
from approvals.oversight.post_reviews import complete_post_review
from approvals.passkeys.challenges import break_glass_challenge
from approvals.requests.break_glass import break_glass
from console.oversight.forms import BreakGlassForm, PostReviewForm
from console.oversight.presenters import break_glass_targets
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.flash import flash_outcome
from console.shell.lookups import find_version
from console.shell.pages import Crumb, model_crumbs, page, paginate, render_page
from console.shell.passkeys import PasskeyPart, challenge_response
from core.actors import Actor
from core.errors import InvalidState
from policies.leaving import policies_for_move

_STATES = {"open", "overdue", "completed"}


@page
def ask_break_glass(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Move a version without its policy, in a dialog. Raises InvalidState where no policy allows it."""
    version = find_version(actor, name, number)
    targets = break_glass_targets(actor, version)
    if not targets:
        raise InvalidState(f"No policy allows you to move {version} in an emergency.")
    part = PasskeyPart(
        address=reverse("console:break_glass_options", args=[name, number]),
        is_needed=any(policies_for_move(version, target).signed_by_passkey for target in targets),
        has_one=passkeys_of(actor.user_id).exists(),
    )
    form = BreakGlassForm(submitted(request), targets=targets, passkey=part)
    dialog = Dialog(
        title=f"Move {version} in an emergency",
        submit=f"Move {version} now",
        description=f"{version} moves without its policy once a second person agrees, where the policy requires one. "
        "Everybody who can see the model is notified, and the move must be reviewed afterwards.",
        tone="is-bad",
    )

    def act() -> str:
        cleaned = form.cleaned_data
        break_glass_request = break_glass(
            actor=actor,
            name=name,
            version=number,
            target=cleaned["target"],
            reason=cleaned["reason"],
            archive_existing=cleaned["archive_existing"],
            passkey=form.passkey_answer(),
        )
        return flash_outcome(
            request,
            break_glass_request,
            f"{version} {break_glass_request.moved_text}. The move needs a review.",
        )

    return run_dialog(request, actor, dialog, form, act, crumbs=model_crumbs(name, number))


@page
@require_POST
def break_glass_options(request: HttpRequest, actor: Actor, name: str, number: int) -> JsonResponse:
    """Return the challenge of a passkey for a request for break-glass. The dialog sends its fields."""
    version, fields = find_version(actor, name, number), request.POST
    return challenge_response(
        actor,
        lambda: break_glass_challenge(
            actor=actor, version=version, target=fields.get("target", ""), reason=fields.get("reason", "")
        ),
    )


@page
def emergencies(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List break-glass moves. Those that need a review come first, by the date on which it is due."""
    state = request.GET.get("state", "")
    rows = visible_post_reviews(actor, state=state if state in _STATES else "")
    page_rows = paginate(request, rows.order_by(F("completed_at").desc(nulls_first=True), "due_at", "pk"))
    return render_page(request, "console/oversight/emergencies.html", "Emergencies", rows=page_rows, state=state)


@page
def review_break_glass(request: HttpRequest, actor: Actor, post_review_id: int) -> HttpResponse:
    """Review a break-glass move in a dialog."""
    row = get_post_review(actor, post_review_id)
    version = row.request.version
    form = PostReviewForm(submitted(request))
    dialog = Dialog(
        title=f"Review the break-glass move of {version}",
        submit="Record review",
        description=f"{version} {row.request.moved_text} without its policy. {row.requester} wrote: "
        f"“{row.request.comment[:300]}”",
    )

    def act() -> str:
        complete_post_review(actor=actor, post_review_id=row.pk, **form.cleaned_data)
        messages.success(request, "The review is recorded.")
        return reverse("console:emergencies")

    crumbs = [Crumb("Emergencies", reverse("console:emergencies"))]
    return run_dialog(request, actor, dialog, form, act, crumbs=crumbs)
