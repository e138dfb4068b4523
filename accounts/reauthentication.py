"""Reauthentication: a signed-in person gives the password again, or signs in again at their identity provider.

Attempts with a password are limited and recorded as events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts.attempts import claim_attempt, return_attempt
from accounts.authentication import find_signed_in_person, is_signed_in_person
from accounts.identity_proofs import use_proof
from accounts.local_passwords import has_local_password
from accounts.models import User
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Denied
from core.refs import user_ref

# After this many wrong passwords within FAILURE_WINDOW the right password is refused too: somebody else may be using
# the browser.
MAX_FAILURES = 5
FAILURE_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Reauthentication:
    """A confirmation of a person: its time, and with an identity provider its purpose, "" with a password."""

    at: datetime
    purpose: str = ""


def reauthenticate(*, actor: Actor, password: str, proof: str = "") -> Reauthentication:
    """Check the password of a signed-in person, or their proof by an identity provider, and record that it was given.

    Call it in no transaction (`require_password`). Raises Denied unless the actor is a signed-in person, for a wrong
    password or proof, and after too many wrong ones.
    """
    user = require_person(actor, Action.ACCOUNT_REAUTHENTICATED, "sign")
    if not proof:
        require_password(actor, user, password, Action.ACCOUNT_REAUTHENTICATED)
    with transaction.atomic():
        if not proof:
            record(actor=actor, action=Action.ACCOUNT_REAUTHENTICATED, obj=user_ref(user.username))
            return Reauthentication(timezone.now())
        used = use_proof(actor=actor, secret=proof, action=Action.ACCOUNT_REAUTHENTICATED)
        after = {"identity_proof": used.pk, "provider": used.provider, "purpose": used.purpose}
        record(actor=actor, action=Action.ACCOUNT_REAUTHENTICATED, obj=user_ref(user.username), after=after)
    return Reauthentication(used.proved_at, used.purpose)


def require_person(actor: Actor, action: Action, purpose: str) -> User:
    """Return the account of a person who is signed in. Raises Denied for any other actor.

    ``purpose`` ends the sentence "Only a person who is signed in on the pages may …".
    """
    if not is_signed_in_person(actor):
        raise _denied(actor, action, f"Only a person who is signed in on the pages may {purpose}.")
    user = find_signed_in_person(actor)
    if user is None:
        raise _denied(actor, action, f"Only a person with an active account may {purpose}.")
    return user


def require_password(actor: Actor, user: User, password: str, action: Action) -> None:
    """Raise Denied for a wrong password, and for any password after too many wrong ones in any interface.

    Call it in no transaction: an attempt is counted before the password is checked, so that parallel guesses do not
    pass the limit, and a refusal must not undo the count. Raises RuntimeError in a transaction.
    """
    if not has_local_password(user):
        message = "Your account has no password on this server. Confirm who you are at your identity provider first."
        raise _denied(actor, action, message)
    subject = f"password:{user_ref(user.username)}"
    with transaction.atomic(durable=True):
        is_allowed = claim_attempt(subject, limit=MAX_FAILURES, window=FAILURE_WINDOW)
    if not is_allowed:
        minutes = int(FAILURE_WINDOW.total_seconds() // 60)
        raise _denied(actor, action, f"Too many wrong passwords. Wait {minutes} minutes, then try again.")
    if not user.check_password(password):
        raise _denied(actor, action, "Wrong password.")
    return_attempt(subject)


def _denied(actor: Actor, action: Action, message: str) -> Denied:
    return Denied(message, action=action, obj=user_ref(actor.name))
