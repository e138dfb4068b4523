"""Sign-in links: the way back in where no identity provider signs anybody in and local passwords are switched off.

Only a command on the server makes one. A link signs one person in, once, within some minutes.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.authentication import token_digest
from accounts.models import SignInLink, User
from audit.actions import Action
from audit.services import record
from core.actors import Actor, ActorKind
from core.errors import Denied, InvalidState, NotFound
from core.refs import user_ref

LINK_LIFE = timedelta(minutes=10)


@transaction.atomic
def issue_sign_in_link(*, actor: Actor, username: str) -> str:
    """Return the secret of a new sign-in link for a person. It is not stored.

    Raises Denied unless the actor is a command, NotFound unless the name is that of an active person.
    """
    if actor.kind is not ActorKind.SYSTEM:
        message = "Only a command on the server makes sign-in links."
        raise Denied(message, action=Action.ACCOUNT_SIGN_IN_LINK_ISSUED, obj=user_ref(username[:150]))
    user = User.objects.filter(username=username, is_active=True, is_service=False).first()
    if user is None:
        raise NotFound(f"There is no active person called {username[:150]}.")
    secret = secrets.token_urlsafe(32)
    link = SignInLink.objects.create(user=user, digest=token_digest(secret), expires_at=timezone.now() + LINK_LIFE)
    record(
        actor=actor,
        action=Action.ACCOUNT_SIGN_IN_LINK_ISSUED,
        obj=user_ref(user.username),
        after={"sign_in_link": link.pk, "expires_at": link.expires_at},
    )
    return secret


def find_sign_in_link(secret: str) -> SignInLink:
    """Return a sign-in link that can still be used, without using it.

    Raises InvalidState for a link that is unknown, used or too old, and where the account is not active.
    """
    live = SignInLink.objects.filter(used_at__isnull=True, expires_at__gt=timezone.now())
    link = live.select_related("user").filter(digest=token_digest(secret)).first()
    if link is None or not link.user.is_active or link.user.is_service:
        raise InvalidState("This sign-in link is unknown, was used, or is more than ten minutes old.")
    return link


@transaction.atomic
def use_sign_in_link(secret: str) -> User:
    """Return the person of a sign-in link, which then is used up. Signing them in is recorded as any sign-in is.

    Raises InvalidState for a link that is unknown, used or too old, and where the account is not active.
    """
    link = find_sign_in_link(secret)
    is_first = SignInLink.objects.filter(pk=link.pk, used_at__isnull=True).update(used_at=timezone.now())
    if not is_first:  # used at the same moment by somebody else
        raise InvalidState("This sign-in link was used.")
    return link.user
