"""Policies as sentences, with their revisions and what is proposed. Changing one starts with a proposal (drafts, proposals)."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from approvals.permissions.policies import refusal_to_propose
from approvals.permissions.policy_people import missing_reviewer_hint
from approvals.policy_changes.propose import propose_retirement
from console.policies.forms import ReasonForm
from console.policies.presenters.policies import policy_page, waiting_proposals
from console.policies.queries import policy_rows
from console.shell.dialogs import Dialog, show_dialog
from console.shell.pages import Crumb, denied_message, go_to, page, paginate, render_page
from core.actors import Actor
from core.errors import DomainError, NotFound
from policies.models import Policy
from policies.yaml_text import write_policy

RETIRE = Dialog(
    title="Propose to retire this policy",
    description="Once a second person agrees, moves it governs today need permission only, or the next policy that fits. "
    "Requests that are open are judged by it to their end.",
    submit="Propose",
)


def crumbs(*more: Crumb) -> list[Crumb]:
    """Return the breadcrumbs down to the policies."""
    return [Crumb("Policies", reverse("console:policies")), *more]


@require_safe
@page
def policy_list(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the policies by what they guard, and what waits for a second person."""
    proposes = refusal_to_propose(actor) is None
    return render_page(
        request,
        "console/policies/policies.html",
        "Policies",
        rows=paginate(request, policy_rows()),
        waiting=waiting_proposals(),
        may_propose=proposes,
        advice=missing_reviewer_hint(actor) if proposes else "",
    )


@require_safe
@page
def policy_detail(request: HttpRequest, actor: Actor, policy_id: int) -> HttpResponse:
    """Show one policy: a revision in words, what it changed, the others, and the proposals."""
    shown = policy_page(actor, policy_id, request.GET.get("revision", ""))
    return render_page(request, "console/policies/policy.html", shown.policy.name, crumbs=crumbs(), shown=shown)


@require_safe
@page
def policy_export(request: HttpRequest, actor: Actor, policy_id: int) -> HttpResponse:
    """Send a revision as a YAML file."""
    shown = policy_page(actor, policy_id, request.GET.get("revision", ""))
    name = f"{shown.policy.name}-r{shown.shown.number}.yaml"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(write_policy(shown.shown.body), content_type="application/yaml; charset=utf-8", headers=headers)


@page
def policy_retire(request: HttpRequest, actor: Actor, policy_id: int) -> HttpResponse:
    """Propose in a dialog that a policy no longer govern."""
    policy = Policy.objects.filter(pk=policy_id).first()
    if policy is None:
        raise NotFound("There is no such policy.")
    form = ReasonForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = propose_retirement(actor=actor, name=policy.name, comment=form.cleaned_data["comment"])
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.info(request, "The proposal is open. It takes a second person to approve it.")
            return go_to(request, reverse("console:proposal", args=[made.pk]))
    here = Crumb(policy.name, reverse("console:policy", args=[policy.pk]))
    return show_dialog(request, RETIRE, form, crumbs(here))
