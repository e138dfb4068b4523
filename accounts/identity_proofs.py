"""Proofs of identity: a signed-in person was asked to sign in again at their identity provider, for one purpose.

They stand in for the password where an account has none here. A proof is used once and ends after five minutes.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.authentication import find_signed_in_person, token_digest
from accounts.models import IdentityProof, User
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Denied
from core.refs import user_ref

PROOF_LIFE = timedelta(minutes=5)


@transaction.atomic
def keep_proof(*, actor: Actor, provider: str, purpose: str, signed_in_at: datetime) -> str:
    """Keep a proof that was verified, and return its secret, which is not stored.

    Raises Denied unless the actor is a person who is signed in.
    """
    user = find_signed_in_person(actor)
    if user is None:
        raise _denied(actor, Action.ACCOUNT_REAUTHENTICATED, "Sign in first.")
    secret = secrets.token_urlsafe(32)
    IdentityProof.objects.create(
        user=user,
        digest=token_digest(secret),
        purpose=purpose,
        provider=provider,
        signed_in_at=signed_in_at,
        proved_at=timezone.now(),
    )
    after = {"provider": provider, "purpose": purpose, "signed_in_at": signed_in_at}
    record(actor=actor, action=Action.ACCOUNT_REAUTHENTICATED, obj=user_ref(user.username), after=after)
    return secret


def find_proof(user: User, secret: str) -> IdentityProof | None:
    """Return a person's proof that can still be used, None for any other secret."""
    since = timezone.now() - PROOF_LIFE
    rows = IdentityProof.objects.filter(user=user, digest=token_digest(secret), used_at__isnull=True)
    return rows.filter(proved_at__gt=since).first()


def use_proof(*, actor: Actor, secret: str, action: Action) -> IdentityProof:
    """Use up the actor's own proof and return it, in the transaction of what it is for.

    Raises Denied for a proof that is unknown, used, of somebody else or more than five minutes old.
    """
    user = find_signed_in_person(actor)
    proof = find_proof(user, secret) if user is not None else None
    if proof is None or not IdentityProof.objects.filter(pk=proof.pk, used_at__isnull=True).update(
        used_at=timezone.now()
    ):
        message = "You confirmed who you are more than five minutes ago, or used that already. Confirm it again."
        raise _denied(actor, action, message)
    return proof


def _denied(actor: Actor, action: Action, message: str) -> Denied:
    return Denied(message, action=action, obj=user_ref(actor.name))
