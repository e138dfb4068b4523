"""A passkey as the second factor of a sign-in: the statement that it signs is made after the password was right."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accounts.attempts import claim_attempt
from accounts.authentication import SIGNED_IN, actor_from_user
from accounts.models import User
from accounts.passkeys.assertions import (
    STATEMENT_SECONDS,
    Challenge,
    Facts,
    PasskeyAnswer,
    new_challenge,
    stated_facts,
    verify_statement,
)
from accounts.passkeys.enrolment import passkeys_of
from core.errors import InvalidInput

_ACT = "sign in"


def has_passkey(user: User) -> bool:
    """Return whether a person has a passkey that is not removed."""
    return passkeys_of(user.pk).exists()


def sign_in_challenge(user: User) -> Challenge:
    """Return the challenge for the passkey of a person whose password was right. Raises InvalidState without one."""
    return new_challenge(actor=actor_from_user(user, auth=SIGNED_IN, request_id=""), facts=_facts(user))


def accept_passkey(passkey_answer: PasskeyAnswer) -> User:
    """Return the person whose passkey answered the challenge of their sign-in. An answer is accepted once.

    Call it in no transaction. Raises InvalidInput (the token, the answer, a removed passkey, a disabled account, a
    second use), Conflict (the token is for something else).
    """
    user_id = stated_facts(passkey_answer.token).get("user")
    user = User.objects.filter(pk=user_id if isinstance(user_id, int) else 0, is_active=True, is_service=False).first()
    if user is None:
        raise InvalidInput("This account is disabled. Ask an administrator.")
    actor = actor_from_user(user, auth=SIGNED_IN, request_id="")
    with transaction.atomic():
        verified = verify_statement(actor=actor, passkey_answer=passkey_answer, facts=_facts(user))
    window = timedelta(seconds=2 * STATEMENT_SECONDS)
    if not claim_attempt(f"sign-in with the nonce {verified.nonce}", limit=1, window=window):
        raise InvalidInput("This answer was used before. Sign in again.")
    return user


def _facts(user: User) -> Facts:
    return {"act": _ACT, "user": user.pk}
