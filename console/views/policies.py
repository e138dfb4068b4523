"""Policies as sentences, and their revisions. Read-only: what judges a request is not edited beside it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from approvals.models import Policy
from audit.actors import Actor
from audit.errors import NotFound
from console.pages import Crumb, page, paginate, render_page
from console.queries import policy_rows
from console.sentences import policy_sentences


@page
def policy_list(request: HttpRequest, _actor: Actor) -> HttpResponse:
    """List the policies by what they guard."""
    return render_page(request, "console/policies.html", "Policies", rows=paginate(request, policy_rows()))


@page
def policy_detail(request: HttpRequest, _actor: Actor, policy_id: int) -> HttpResponse:
    """Show one policy: the revision in force as sentences, and all revisions."""
    policy = Policy.objects.filter(pk=policy_id).first()
    revisions = list(policy.revisions.order_by("-number")) if policy else []
    if policy is None or not revisions:
        raise NotFound("There is no such policy.")
    wanted = request.GET.get("revision", "")
    shown = next((row for row in revisions if str(row.number) == wanted), revisions[0])
    return render_page(
        request,
        "console/policy.html",
        policy.name,
        crumbs=[Crumb("Policies", "/policies/")],
        policy=policy,
        shown=shown,
        revisions=revisions,
        sentences=policy_sentences(shown.body),
    )
