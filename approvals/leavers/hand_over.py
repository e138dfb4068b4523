"""Handing over what a leaver owns and deactivating their account, in one transaction."""

from __future__ import annotations

from django.db import transaction

from accounts.administration import deactivate_user, require_administrator
from accounts.groups.owners import add_owner, remove_owner
from accounts.models import User
from accounts.reauthentication import require_person
from approvals.leavers.belongings import Belongings, belongings_of
from approvals.oversight.findings import assign_finding
from approvals.requests.lifecycle import withdraw_request
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, InvalidInput, NotFound
from core.refs import user_ref
from registry.services.inventory import describe_model


@transaction.atomic
def hand_over(*, actor: Actor, username: str, successor: str) -> Belongings:
    """Give the belongings of a person to a successor, withdraw their open requests, and deactivate their account.

    Each change is an event of its own. ``successor`` may be "" where the person owns nothing. Returns the belongings.
    Raises Denied unless the actor is a superuser who is signed in; NotFound, Conflict (the actor's own account),
    InvalidInput (the successor), InvalidState, TooLarge.
    """
    require_person(actor, Action.ACCOUNT_USER_CHANGED, "hand over what somebody owns")
    require_administrator(actor, Action.ACCOUNT_USER_CHANGED, username)
    if username == actor.name:
        raise Conflict("You cannot deactivate your own account. Ask another superuser.")
    leaver = find_leaver(username)
    User.objects.select_for_update(of=("self",)).get(pk=leaver.pk)
    belongings = belongings_of(leaver)
    heir = _successor(successor, leaver) if successor or belongings.needs_successor else None
    reason = "The owner leaves"  # without the name: an event is kept for good
    if heir is not None:
        _give(actor, belongings, leaver.username, heir, reason)
    for request in belongings.requests:
        withdraw_request(actor=actor, request_id=request.pk, comment=reason)
    deactivate_user(actor=actor, username=leaver.username)
    return belongings


def find_leaver(username: str) -> User:
    """Return the active person of this name. Raises NotFound."""
    leaver = User.objects.filter(username=username, is_active=True, is_service=False).first()
    if leaver is None:
        raise NotFound(f"There is no active person called {username[:150]}.")
    return leaver


def _successor(username: str, leaver: User) -> User:
    rows = User.objects.filter(username=username[:150], is_active=True, is_service=False)
    heir = None if "\x00" in username else rows.exclude(pk=leaver.pk).first()
    if heir is None:
        raise InvalidInput(f"{username[:150]!r} cannot be the successor: name another active person.")
    return heir


def _give(actor: Actor, belongings: Belongings, leaver: str, heir: User, reason: str) -> None:
    for entry in belongings.models:
        describe_model(actor=actor, name=entry.model.name, owner=heir.username, purpose=entry.purpose)
    for finding in belongings.findings:
        assign_finding(
            actor=actor, finding_id=finding.pk, owner=heir.username, due_at=finding.due_at, comment=f"{reason}."
        )
    for account in belongings.service_accounts:
        before = {"owner": account.owner.username if account.owner else ""}
        account.owner = heir
        account.save(update_fields=["owner"])
        after, obj = {"owner": heir.username}, user_ref(account.username)
        record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=obj, before=before, after=after, reason=reason)
    for group in belongings.owned_groups:
        add_owner(actor=actor, group=group, username=heir.username)
        remove_owner(actor=actor, group=group, username=leaver)
