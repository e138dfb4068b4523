"""One proposal to change a policy, and the dialogs of whoever reviews it or takes it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.policy_changes.propose import decide_proposal, withdraw_proposal
from console.policies.forms import ReasonForm, VerdictForm
from console.policies.presenters.policies import proposal_page
from console.policies.views.policies import crumbs
from console.shell.dialogs import Dialog, show_dialog
from console.shell.pages import Crumb, denied_message, go_to, page, render_page
from core.actors import Actor
from core.errors import DomainError, NotFound
from policies.models import PolicyDecision, PolicyProposal
from policies.queries import get_proposal

_DIALOGS = {
    PolicyDecision.APPROVE: Dialog(
        title="Approve this proposal",
        description="It takes effect at once, for new requests; what it tightens reaches open ones as well.",
        submit="Approve",
        tone="is-ok",
    ),
    PolicyDecision.REJECT: Dialog(
        title="Reject this proposal",
        description="It is closed. Its proposer reads your comment and can propose anew.",
        submit="Reject",
        tone="is-bad",
    ),
}
_WITHDRAW = Dialog(
    title="Withdraw this proposal", description="It is closed without a decision.", submit="Withdraw", tone="is-bad"
)


@require_safe
@page
def proposal_detail(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Show a proposal: what it changes in words and as text, and who may decide."""
    shown = proposal_page(actor, proposal_id)
    title = f"Proposal {shown.proposal.pk}"
    return render_page(request, "console/policies/proposal.html", title, crumbs=_trail(shown.proposal), shown=shown)


@page
def proposal_decide(request: HttpRequest, actor: Actor, proposal_id: int, decision: str) -> HttpResponse:
    """Approve or reject in a dialog, exactly what the page showed."""
    proposal, chosen = get_proposal(proposal_id), PolicyDecision(decision)
    form = VerdictForm(
        request.POST if request.method == "POST" else None, initial={"seen_digest": request.GET.get("seen", "")}
    )
    if request.method == "POST" and form.is_valid():
        try:
            decide_proposal(
                actor=actor,
                proposal_id=proposal.pk,
                decision=chosen.value,
                comment=form.cleaned_data["comment"],
                seen_digest=form.cleaned_data["seen_digest"],
            )
        except DomainError as error:
            if isinstance(error, NotFound):
                raise
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(request, f"Your decision on proposal {proposal.pk} is recorded.")
            return go_to(request, _page_of(proposal))
    return show_dialog(request, _DIALOGS[chosen], form, _trail(proposal, itself=True))


@page
def proposal_withdraw(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Take a proposal back in a dialog."""
    proposal, form = get_proposal(proposal_id), ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            withdraw_proposal(actor=actor, proposal_id=proposal.pk, comment=form.cleaned_data["comment"])
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(request, f"Proposal {proposal.pk} is withdrawn.")
            return go_to(request, _page_of(proposal))
    return show_dialog(request, _WITHDRAW, form, _trail(proposal, itself=True))


def _page_of(proposal: PolicyProposal) -> str:
    return reverse("console:proposal", args=[proposal.pk])


def _trail(proposal: PolicyProposal, *, itself: bool = False) -> list[Crumb]:
    base = proposal.base_revision
    of = [Crumb(proposal.name, reverse("console:policy", args=[base.policy_id]))] if base else []
    return crumbs(*of, *([Crumb(f"Proposal {proposal.pk}", _page_of(proposal))] if itself else []))
