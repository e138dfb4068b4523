"""The page of a proposal to change a policy, and the dialogs that decide on it and withdraw it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.policy_changes.propose import decide_proposal, withdraw_proposal
from console.policies.forms import OptionalCommentForm, ProposalDecisionForm
from console.policies.presenters.policies import proposal_page
from console.policies.views.policies import policies_crumbs
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.pages import Crumb, page, render_page
from core.actors import Actor
from policies.models import PolicyDecision, PolicyProposal
from policies.queries import get_proposal


@require_safe
@page
def proposal_detail(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Show a proposal: its changes by rule and as text, and the people who may decide."""
    page_data = proposal_page(actor, proposal_id)
    title = f"Proposal {page_data.proposal.pk}"
    crumbs = _crumbs(page_data.proposal)
    return render_page(request, "console/policies/proposal.html", title, crumbs=crumbs, page=page_data)


@page
def proposal_approve(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Approve a proposal in a dialog, exactly as the page showed it."""
    proposal = get_proposal(proposal_id)
    dialog = Dialog(
        title=f"Approve proposal {proposal.pk}",
        description=f"{proposal.name} takes effect at once for new requests. Rules that become stricter apply to open "
        "requests as well.",
        submit="Approve proposal",
        tone="is-ok",
    )
    return _decide(request, actor, proposal, PolicyDecision.APPROVE, dialog)


@page
def proposal_reject(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Reject a proposal in a dialog, exactly as the page showed it."""
    proposal = get_proposal(proposal_id)
    dialog = Dialog(
        title=f"Reject proposal {proposal.pk}",
        description=f"The proposal is closed, and {proposal.name} stays as it is. {proposal.proposer} reads your comment "
        "and can propose again.",
        submit="Reject proposal",
        tone="is-bad",
    )
    return _decide(request, actor, proposal, PolicyDecision.REJECT, dialog)


@page
def proposal_withdraw(request: HttpRequest, actor: Actor, proposal_id: int) -> HttpResponse:
    """Withdraw a proposal in a dialog."""
    proposal = get_proposal(proposal_id)
    form = OptionalCommentForm(submitted(request))

    def act() -> str:
        withdraw_proposal(actor=actor, proposal_id=proposal.pk, comment=form.cleaned_data["comment"])
        messages.success(request, f"Proposal {proposal.pk} is withdrawn.")
        return _page_of(proposal)

    dialog = Dialog(
        title=f"Withdraw proposal {proposal.pk}",
        description=f"The proposal is closed without a decision, and {proposal.name} stays as it is.",
        submit="Withdraw proposal",
        tone="is-bad",
    )
    return run_dialog(request, actor, dialog, form, act, crumbs=_dialog_crumbs(proposal))


def _decide(
    request: HttpRequest, actor: Actor, proposal: PolicyProposal, decision: PolicyDecision, dialog: Dialog
) -> HttpResponse:
    form = ProposalDecisionForm(submitted(request), initial={"seen_digest": request.GET.get("seen", "")})

    def act() -> str:
        decide_proposal(
            actor=actor,
            proposal_id=proposal.pk,
            decision=decision.value,
            comment=form.cleaned_data["comment"],
            seen_digest=form.cleaned_data["seen_digest"],
        )
        messages.success(request, f"Your decision on proposal {proposal.pk} is recorded.")
        return _page_of(proposal)

    return run_dialog(request, actor, dialog, form, act, crumbs=_dialog_crumbs(proposal))


def _page_of(proposal: PolicyProposal) -> str:
    return reverse("console:proposal", args=[proposal.pk])


def _crumbs(proposal: PolicyProposal) -> list[Crumb]:
    base = proposal.base_revision
    policy = [Crumb(proposal.name, reverse("console:policy", args=[base.policy_id]))] if base else []
    return policies_crumbs(*policy)


def _dialog_crumbs(proposal: PolicyProposal) -> list[Crumb]:
    return [*_crumbs(proposal), Crumb(f"Proposal {proposal.pk}", _page_of(proposal))]
