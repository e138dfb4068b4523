"""Verifying and storing the signature of a passkey, in the transaction of the decision that it signs."""

from __future__ import annotations

from accounts.passkeys.assertions import Facts, PasskeyAnswer, VerifiedStatement, verify_statement
from approvals.models import Override, PasskeySignature, Review, TransitionRequest
from core.actors import Actor
from core.errors import Conflict, InvalidState

HOW_TO_SIGN = (
    "Sign it with your passkey on the page, or send what POST …/passkey-options prepares. "
    "A password, an API token or an approval session does not replace the passkey."
)


def require_passkey(passkey_answer: PasskeyAnswer | None, *, needed: bool, policy: str) -> None:
    """Raise InvalidState if a needed signature of a passkey is missing. ``policy`` is the label of the policy."""
    if needed and passkey_answer is None:
        raise InvalidState(f"{policy} asks for the signature of your passkey. {HOW_TO_SIGN}")


def verify_passkey(
    actor: Actor, passkey_answer: PasskeyAnswer | None, facts: Facts, *, on_device: bool
) -> VerifiedStatement | None:
    """Return the statement that the actor's passkey signed; None without one. What it signs must be locked.

    Raises InvalidInput, Conflict (it has other facts, or was used before), and with ``on_device`` InvalidState for a
    passkey that may be synced to other devices.
    """
    if passkey_answer is None:
        return None
    verified = verify_statement(actor=actor, passkey_answer=passkey_answer, facts=facts)
    if on_device and (verified.passkey.synced or verified.answer.synced):
        name = verified.passkey.name
        raise InvalidState(f"The policy asks for a passkey that stays on one device. {name} may be synced to others.")
    if PasskeySignature.objects.filter(nonce=verified.nonce).exists():
        raise Conflict("This signature was used before. Sign again.")
    return verified


def store_signature(
    verified: VerifiedStatement | None,
    *,
    review: Review | None = None,
    override: Override | None = None,
    request: TransitionRequest | None = None,
) -> None:
    """Store a verified signature with the one row that it signs; do nothing without one."""
    if verified is None:
        return
    PasskeySignature.objects.create(
        passkey=verified.passkey,
        review=review,
        override=override,
        request=request,
        nonce=verified.nonce,
        statement=verified.statement,
        authenticator_data=verified.answer.authenticator_data,
        client_data=verified.answer.client_data,
        signature=verified.answer.signature,
    )


def passkey_facts(verified: VerifiedStatement | None) -> dict[str, object]:
    """Return the facts of a signature for an audit event; an empty dict without one."""
    return {} if verified is None else verified.facts()
