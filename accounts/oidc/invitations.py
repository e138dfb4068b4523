"""Invitations: an administrator lets a person make an account at their first sign-in with an identity provider."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.administration import require_administrator
from accounts.authentication import actor_from_user
from accounts.changes import Change, note_change
from accounts.models import Invitation, User
from accounts.oidc.configuration import find_provider
from accounts.usernames import check_username
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from core.ids import row_id
from core.refs import user_ref

MAX_INVITATION_LIFE = timedelta(days=90)
LONGEST_EMAIL = 254


@transaction.atomic
def invite(*, actor: Actor, provider: str, email: str, expires_in: timedelta, username: str = "") -> Invitation:
    """Invite the person to whom the provider says that an e-mail address belongs, and return the invitation.

    The account gets ``username``, or the name that the provider sends. Raises Denied unless the actor is a superuser or
    the system, NotFound (the provider), InvalidInput, AlreadyExists.
    """
    address, username = email.strip().lower(), User.normalize_username(username)
    require_administrator(actor, Action.ACCOUNT_INVITATION_ISSUED, address)
    find_provider(provider)
    if not is_email(address):
        raise InvalidInput(f"{address[:LONGEST_EMAIL]} is not an e-mail address.")
    if not timedelta(0) < expires_in <= MAX_INVITATION_LIFE:
        raise InvalidInput(f"An invitation is valid for up to {MAX_INVITATION_LIFE.days} days.")
    _check_username(username)
    if username and User.objects.filter(username__iexact=username).exists():
        raise AlreadyExists(f"There is already a user called {username}.")
    invitation = Invitation.objects.create(
        provider=provider,
        email=address,
        username=username,
        invited_by_id=actor.user_id,
        expires_at=timezone.now() + expires_in,
    )
    record(
        actor=actor,
        action=Action.ACCOUNT_INVITATION_ISSUED,
        obj=user_ref(address),
        after={"provider": provider, "username": username, "expires_at": invitation.expires_at},
    )
    return invitation


@transaction.atomic
def withdraw_invitation(*, actor: Actor, invitation_id: int) -> Invitation:
    """Withdraw an invitation, so that nobody can redeem it, and return it. Withdrawing it twice changes nothing.

    Raises Denied unless the actor is a superuser or the system, NotFound, InvalidState where it was redeemed.
    """
    require_administrator(actor, Action.ACCOUNT_INVITATION_WITHDRAWN, "")
    rows = Invitation.objects.select_for_update(of=("self",))
    invitation = rows.filter(pk=row_id(invitation_id)).first()
    if invitation is None:
        raise NotFound(f"There is no invitation {invitation_id}.")
    if invitation.redeemed_at is not None:
        raise InvalidState(f"{invitation.email} has redeemed this invitation. Deactivate the account instead.")
    if invitation.withdrawn_at is not None:
        return invitation
    invitation.withdrawn_at, invitation.withdrawn_by_id = timezone.now(), actor.user_id
    invitation.save(update_fields=["withdrawn_at", "withdrawn_by"])
    record(
        actor=actor,
        action=Action.ACCOUNT_INVITATION_WITHDRAWN,
        obj=user_ref(invitation.email),
        before={"provider": invitation.provider, "username": invitation.username, "expires_at": invitation.expires_at},
    )
    return invitation


def is_email(address: str) -> bool:
    """Return whether a text is an e-mail address that the columns can hold. The validator takes longer ones."""
    try:
        validate_email(address)
    except ValidationError:
        return False
    return len(address) <= LONGEST_EMAIL and address.isprintable()


def _check_username(username: str) -> None:
    """Raise InvalidInput for a username that no account can have; an empty one is left to the provider."""
    try:
        if username:
            check_username(username)
    except ValidationError as error:
        raise InvalidInput("; ".join(error.messages)) from error


def list_invitations() -> QuerySet[Invitation]:
    """Return all invitations with who invited and the account, newest first."""
    return Invitation.objects.select_related("invited_by", "account").order_by("-pk")


def find_invitation(provider: str, email: str) -> Invitation | None:
    """Return the oldest invitation for an address that is verified at the provider, locked; None for none."""
    if not is_email(email.strip()):
        return None
    is_open = Q(redeemed_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=timezone.now())
    rows = Invitation.objects.select_for_update(of=("self",))
    rows = rows.filter(is_open, provider=provider, email=email.strip().lower())
    return rows.order_by("pk").first()


def redeem_invitation(invitation: Invitation, account: User) -> None:
    """Note that an account was made by an invitation, in the transaction that makes it.

    Who invited a person counts as who made the account: their own requests cannot be approved with it.
    """
    invitation.account, invitation.redeemed_at = account, timezone.now()
    invitation.save(update_fields=["account", "redeemed_at"])
    if invitation.invited_by is not None:
        inviter = actor_from_user(invitation.invited_by, auth="invitation", request_id="")
        note_change(actor=inviter, account=account, kind=Change.CREATED)
