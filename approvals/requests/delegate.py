"""Delegation: a person delegates their review rights to another person, for matching models and at most 90 days.

The delegate decides by the groups, roles and ownership that the delegator has when the vote is counted. Rights that
were delegated to the delegator are not included. A vote given during a delegation stays valid after it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.reauthentication import require_person
from approvals.models import Delegation
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, InvalidInput, InvalidState, NotFound
from core.ids import row_id
from core.refs import user_ref
from registry.names import check_text

MAX_DELEGATION = timedelta(days=90)
_MAX_REASON = 2000
_MAX_PATTERN = 256
_MAX_LIVE = 20


@transaction.atomic
def create_delegation(
    *,
    actor: Actor,
    delegate: str,
    ends_at: datetime,
    reason: str,
    starts_at: datetime | None = None,
    models_pattern: str = "*",
) -> Delegation:
    """Delegate the actor's review rights to ``delegate`` (a username) and return the delegation.

    Raises Denied (the actor is not a person who is signed in), NotFound (the delegate), InvalidInput (times, pattern,
    reason, oneself, a service account), TooLarge, Conflict (the delegate has a delegation for these models already),
    InvalidState (the delegator has too many).
    """
    delegator = require_person(actor, Action.APPROVALS_DELEGATION_GIVEN, "delegate")
    checked_reason = check_text(reason, "reason", _MAX_REASON).strip()
    if not checked_reason:
        raise InvalidInput("A delegation needs a reason.")
    pattern = _pattern(models_pattern)
    starts = max(starts_at or timezone.now(), timezone.now())
    _require_times(starts, ends_at)
    person = _person(delegate, delegator)
    _require_free(delegator, person, pattern, starts, ends_at)
    delegation = Delegation.objects.create(
        delegator=delegator,
        delegate=person,
        models_pattern=pattern,
        reason=checked_reason,
        starts_at=starts,
        ends_at=ends_at,
    )
    record(
        actor=actor,
        action=Action.APPROVALS_DELEGATION_GIVEN,
        obj=user_ref(delegator.username),
        after=_facts(delegation),
        reason=checked_reason,
    )
    return delegation


@transaction.atomic
def revoke_delegation(*, actor: Actor, delegation_id: int) -> Delegation:
    """Revoke one of the actor's own delegations and return it. One that has ended already is not changed.

    Raises NotFound, Denied (the actor is not a person who is signed in).
    """
    delegator = require_person(actor, Action.APPROVALS_DELEGATION_REVOKED, "revoke a delegation")
    rows = Delegation.objects.filter(pk=row_id(delegation_id), delegator=delegator)
    row = rows.select_for_update(of=("self",)).select_related("delegate").first()
    if row is None:
        raise NotFound("You have no such delegation.")
    if row.revoked_at is not None or row.ends_at <= timezone.now():
        return row
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    record(
        actor=actor,
        action=Action.APPROVALS_DELEGATION_REVOKED,
        obj=user_ref(delegator.username),
        before=_facts(row),
        after={"delegation": row.pk, "revoked_at": row.revoked_at},
    )
    return row


def _require_free(delegator: User, delegate: User, pattern: str, starts: datetime, ends: datetime) -> None:
    """Raise Conflict for a second delegation of the same models to the same person, InvalidState for too many."""
    User.objects.select_for_update().get(pk=delegator.pk)  # so a second call at the same time sees the new row
    live = Delegation.objects.filter(delegator=delegator, revoked_at__isnull=True, ends_at__gt=starts)
    if live.filter(delegate=delegate, models_pattern=pattern, starts_at__lt=ends).exists():
        raise Conflict(f"{delegate.username} is already your delegate for these models.")
    if live.count() >= _MAX_LIVE:
        raise InvalidState(f"You already have {_MAX_LIVE} delegations. Revoke one first.")


def _facts(row: Delegation) -> dict[str, object]:
    return {
        "delegation": row.pk,
        "delegate": row.delegate.username,
        "models": row.models_pattern,
        "starts_at": row.starts_at,
        "ends_at": row.ends_at,
    }


def _pattern(text: str) -> str:
    pattern = check_text(text, "models", _MAX_PATTERN).strip() or "*"
    if "[" in pattern:
        raise InvalidInput(f"Invalid model pattern: {pattern}. The only wildcards are * and ?.")
    return pattern


def _require_times(starts: datetime, ends: datetime) -> None:
    if ends <= starts:
        raise InvalidInput("A delegation must end after it starts, and in the future.")
    if ends - starts > MAX_DELEGATION:
        raise InvalidInput(f"A delegation lasts at most {MAX_DELEGATION.days} days.")


def _person(name: str, delegator: User) -> User:
    person = User.objects.filter(username=check_text(name, "delegate", 150), is_active=True).first()
    if person is None:
        raise NotFound(f"There is no active account called {name[:150]}.")
    if person.is_service:
        raise InvalidInput(f"{name[:150]} is a service account and cannot decide. Name a person.")
    if person.pk == delegator.pk:
        raise InvalidInput("You cannot delegate to yourself. Name another person.")
    return person
