"""Delegations of review rights: listing, giving and revoking them."""

from __future__ import annotations

import datetime

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from approvals.models import Delegation
from approvals.requests.delegate import create_delegation, revoke_delegation
from console.account.forms import DelegationForm
from console.shell.first_rows import first_rows
from console.shell.pages import denied_message, page, render_page
from core.actors import Actor
from core.errors import DomainError

_SHOWN = 100


def _rows() -> QuerySet[Delegation]:
    return Delegation.objects.select_related("delegator", "delegate").order_by("-pk")


@page
def delegations(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the delegations a person gave and received, and give one."""
    form = DelegationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            delegation = _give(actor, form)
        except DomainError as error:
            form.add_error(None, denied_message(actor, error))
        else:
            messages.success(
                request, f"{delegation.delegate} can review for you until {delegation.ends_at:%Y-%m-%d %H:%M} UTC."
            )
            return redirect("console:delegations")
    return render_page(
        request,
        "console/account/delegations.html",
        "Delegations",
        form=form,
        given=first_rows(_rows().filter(delegator=actor.user_id), _SHOWN),
        received=first_rows(_rows().filter(delegate=actor.user_id), _SHOWN),
        now=timezone.now(),
    )


def _give(actor: Actor, form: DelegationForm) -> Delegation:
    chosen = form.cleaned_data
    ends = datetime.datetime.combine(chosen["ends_on"], datetime.time(23, 59, 59), datetime.UTC)
    starts = (
        datetime.datetime.combine(chosen["starts_on"], datetime.time(), datetime.UTC) if chosen["starts_on"] else None
    )
    return create_delegation(
        actor=actor,
        delegate=chosen["delegate"],
        models_pattern=chosen["models_pattern"],
        starts_at=starts,
        ends_at=ends,
        reason=chosen["reason"],
    )


@page
@require_POST
def delegation_revoke(request: HttpRequest, actor: Actor, delegation_id: int) -> HttpResponse:
    """Revoke a delegation that the person gave."""
    row = revoke_delegation(actor=actor, delegation_id=delegation_id)
    messages.success(request, f"{row.delegate} no longer reviews for you. Their earlier decisions stay valid.")
    return redirect("console:delegations")
