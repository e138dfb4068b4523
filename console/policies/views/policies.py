"""Views of policies: the list, one policy with its revisions, its YAML export, and the dialog to retire it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.permissions.policies import refusal_to_propose
from approvals.permissions.policy_people import missing_reviewer_hint
from approvals.policy_changes.propose import propose_retirement
from console.policies.forms import OptionalCommentForm
from console.policies.presenters.policies import policy_page, waiting_proposals
from console.policies.queries import policy_rows
from console.shell.dialogs import Dialog, run_dialog, submitted
from console.shell.pages import Crumb, page, paginate, render_page
from core.actors import Actor
from core.errors import NotFound
from policies.models import Policy
from policies.targets import REGISTRATION, TRANSITIONS, left_by
from policies.yaml_text import write_policy

PROPOSAL_OPENED = "The proposal is open. A second person must approve it."


def policies_crumbs(*more: Crumb) -> list[Crumb]:
    """Return the breadcrumbs down to the policies."""
    return [Crumb("Policies", reverse("console:policies")), *more]


@require_safe
@page
def policy_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the policies by target, and the proposals that wait for a second person."""
    may_propose = refusal_to_propose(actor) is None
    return render_page(
        request,
        "console/policies/policies.html",
        "Policies",
        rows=paginate(request, policy_rows()),
        waiting=waiting_proposals(),
        may_propose=may_propose,
        advice=missing_reviewer_hint(actor) if may_propose else "",
    )


@require_safe
@page
def policy_detail(request: HttpRequest, actor: Actor, policy_id: int) -> HttpResponse:
    """Show one policy: the rules of a revision and its changes, all revisions, and the proposals."""
    page_data = policy_page(actor, policy_id, request.GET.get("revision", ""))
    return render_page(
        request, "console/policies/policy.html", page_data.policy.name, crumbs=policies_crumbs(), page=page_data
    )


@require_safe
@page
def policy_export(request: HttpRequest, actor: Actor, policy_id: int) -> HttpResponse:
    """Return a revision as a YAML file."""
    page_data = policy_page(actor, policy_id, request.GET.get("revision", ""))
    name = f"{page_data.policy.name}-r{page_data.revision.number}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(
        write_policy(page_data.revision.body), content_type="application/yaml; charset=utf-8", headers=headers
    )


@page
def policy_retire(request: HttpRequest, actor: Actor, policy_id: int) -> HttpResponse:
    """Propose in a dialog to retire a policy. Raises NotFound."""
    policy = Policy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise NotFound(f"There is no policy {policy_id}.")
    form = OptionalCommentForm(submitted(request))

    def act() -> str:
        proposal = propose_retirement(actor=actor, name=policy.name, comment=form.cleaned_data["comment"])
        messages.info(request, PROPOSAL_OPENED)
        return reverse("console:proposal", args=[proposal.pk])

    dialog = Dialog(
        title=f"Propose to retire {policy.name}",
        description=f"Once a second person approves, {_retirement_consequence(policy)}",
        submit="Propose retirement",
        tone="is-bad",
    )
    here = Crumb(policy.name, reverse("console:policy", args=[policy.pk]))
    return run_dialog(request, actor, dialog, form, act, crumbs=policies_crumbs(here))


def _retirement_consequence(policy: Policy) -> str:
    """Return the consequence of retiring a policy, as the end of a sentence."""
    models = "all models" if policy.models_pattern == "*" else f"models whose name matches {policy.models_pattern}"
    if policy.target == TRANSITIONS:
        return f"{policy.name} no longer limits the stages between which versions of {models} may move."
    if policy.target == REGISTRATION:
        return f"{policy.name} no longer limits which versions of {models} may be registered."
    left_target = left_by(policy.target)
    moves = f"out of {left_target}" if left_target else f"to {policy.target}"
    return (
        f"{policy.name} no longer governs new moves of {models} {moves}: they need only permission, or the next policy that "
        "matches governs them. Open requests keep this policy."
    )
