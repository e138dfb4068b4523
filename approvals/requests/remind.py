"""Reminders to the reviewers of open requests, at most one in each interval that the policy sets."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from approvals.case.loading import load_case
from approvals.case.locks import lock_request
from approvals.models import RequestState, TransitionRequest
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidState
from policies.matching import load_revision
from policies.models import PolicyRevision


@transaction.atomic
def remind_reviewers(*, actor: Actor, request_id: int, at: datetime | None = None) -> bool:
    """Record a reminder if a request waits for reviewers and one is due. Return whether it was recorded.

    notices/ reads the event and notifies the reviewers. If sweeps were missed, there is one reminder, not one for each
    missed interval. Raises NotFound, InvalidState (this server cannot read the policy).
    """
    now = at or timezone.now()
    request = lock_request(request_id)
    every = load_revision(request.policy_revision).body.options.remind_every
    last = request.reminded_at or request.opened_at
    if request.state != RequestState.OPEN or every is None or now < last + every or now >= request.expires_at:
        return False
    unmet_rules = [
        row.rule for row in load_case(request, at=now).verdict.rules if row.kind == "approvals" and row.blocks
    ]
    request.reminded_at = now
    request.save(update_fields=["reminded_at"])
    if not unmet_rules:
        return False
    record(
        actor=actor,
        action=Action.APPROVALS_REQUEST_REMINDED,
        obj=request,
        after={"waits_for": unmet_rules, "opened_at": request.opened_at},
    )
    return True


def requests_to_remind(at: datetime, *, limit: int = 500) -> list[int]:
    """Return the ids of the open requests that are due for a reminder, at most ``limit``; two queries."""
    revisions = PolicyRevision.objects.filter(requests__state=RequestState.OPEN).select_related("policy").distinct()
    due = Q(pk__in=[])
    for revision in revisions:
        if every := _interval(revision):
            due |= Q(policy_revision=revision, last__lte=at - every)
    rows = TransitionRequest.objects.annotate(last=Coalesce(F("reminded_at"), F("opened_at")))
    rows = rows.filter(due, state=RequestState.OPEN, expires_at__gt=at).order_by("last")
    return list(rows.values_list("pk", flat=True)[:limit])


def _interval(revision: PolicyRevision) -> timedelta | None:
    try:
        return load_revision(revision).body.options.remind_every
    except InvalidState:  # the policy names a check that this server no longer has, which blocks the request anyway
        return None
