"""Statements that a person signs with a passkey: the challenge of the passkey is the SHA-256 of the statement.

The statement comes back from the browser in a token that this server signed, and nothing is stored meanwhile. It has a
nonce; whoever stores the signature keeps the nonce unique, so that a statement is signed for one use.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from django.core import signing
from django.utils import timezone

from accounts.models import Passkey
from accounts.passkeys.ceremonies import SignedAnswer, credential_of, request_options, verify_assertion
from accounts.passkeys.enrolment import passkeys_of
from core.actors import Actor
from core.canonical import canonical_bytes
from core.errors import Conflict, InvalidInput, InvalidState
from core.times import iso_utc

STATEMENT_SECONDS = 300
_SALT = "custody.passkeys.statement"
_MOST_TOKEN = 20_000
# The parts of a statement that make it good for one use and a short time.
_FRESH = ("nonce", "expires_at")
Facts = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Challenge:
    """A statement to sign, the options of `navigator.credentials.get` for it, and the token that comes back with the
    browser's answer.
    """

    options: dict[str, Any]
    token: str
    statement: dict[str, Any]


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """Input of a signer: the token of the statement, and the answer of the browser as JSON."""

    token: str
    answer: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedStatement:
    """A statement that a passkey signed. ``statement`` is the canonical JSON that was signed."""

    passkey: Passkey
    statement: str
    nonce: str
    answer: SignedAnswer

    def facts(self) -> dict[str, object]:
        """Return all that a verification needs, for an audit event."""
        return {
            "passkey": {
                "statement": orjson.loads(self.statement),
                "credential_id": self.passkey.credential_id,
                "public_key": self.passkey.public_key,
                "enrolment_event": self.passkey.enrolment_event,
                "authenticator_data": self.answer.authenticator_data,
                "client_data": self.answer.client_data,
                "signature": self.answer.signature,
            }
        }


def new_challenge(*, actor: Actor, facts: Facts, on_device: bool = False) -> Challenge:
    """Return a challenge for a statement with these facts, a nonce and an expiry. Nothing is stored.

    ``on_device`` leaves out passkeys that may be synced to other devices. Raises InvalidState for an actor without a
    passkey that may sign.
    """
    synced_by_id = dict(passkeys_of(actor.user_id).values_list("credential_id", "synced"))
    ids = [credential_id for credential_id, synced in synced_by_id.items() if not (on_device and synced)]
    if synced_by_id and not ids:
        raise InvalidState(
            "The policy asks for a passkey that stays on one device, and yours may be synced to others. Add a security key "
            "on the page Passkeys of your account."
        )
    if not ids:
        raise InvalidState("You have no passkey. Add one on the page Passkeys of your account, then sign here.")
    statement = {
        **facts,
        "nonce": secrets.token_urlsafe(32),
        "expires_at": iso_utc(timezone.now() + timedelta(seconds=STATEMENT_SECONDS), "seconds"),
    }
    options = request_options(challenge=_digest(canonical_bytes(statement)), allowed=ids)
    return Challenge(options, signing.dumps(statement, salt=_SALT, compress=True), statement)


def verify_statement(*, actor: Actor, passkey_answer: PasskeyAnswer, facts: Facts) -> VerifiedStatement:
    """Return the statement that a passkey of the actor signed, and store its sign count, in the caller's transaction.

    Raises InvalidInput (the token, the answer, another person's or a removed passkey, a sign count that did not rise),
    Conflict where the statement has other facts.
    """
    statement = _statement_of(passkey_answer.token)
    stated = _without_fresh(statement)
    differing = sorted(key for key in facts.keys() | stated.keys() if facts.get(key) != stated.get(key))
    if differing:
        raise Conflict(f"What was signed is not what is decided now ({', '.join(differing)} differ). Sign again.")
    rows = passkeys_of(actor.user_id).select_for_update()
    passkey = rows.filter(credential_id=credential_of(passkey_answer.answer)).first()
    if passkey is None:
        raise InvalidInput("This passkey is not one of yours, or it was removed. Sign with another one.")
    text = canonical_bytes(statement)
    answer = verify_assertion(
        passkey_answer.answer, challenge=_digest(text), public_key=passkey.public_key, sign_count=passkey.sign_count
    )
    passkey.sign_count = answer.sign_count
    passkey.save(update_fields=["sign_count"])
    return VerifiedStatement(passkey, text.decode(), str(statement["nonce"]), answer)


def stated_facts(token: str) -> Facts:
    """Return the facts of the statement in a token. Raises InvalidInput, as `verify_statement` does."""
    return _without_fresh(_statement_of(token))


def _without_fresh(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in statement.items() if key not in _FRESH}


def _statement_of(token: str) -> dict[str, Any]:
    """Return the statement in a token. Raises InvalidInput for one that has expired or is not of this server."""
    try:
        statement: dict[str, Any] = signing.loads(token[:_MOST_TOKEN], salt=_SALT, max_age=STATEMENT_SECONDS)
    except signing.SignatureExpired as error:
        raise InvalidInput("The statement to sign is older than five minutes. Sign again.") from error
    except signing.BadSignature as error:
        raise InvalidInput("The statement that was signed is not one of this server. Sign again.") from error
    return statement


def _digest(statement: bytes) -> bytes:
    return hashlib.sha256(statement).digest()
