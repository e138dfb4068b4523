"""Electronic signatures on decisions (21 CFR 11.50, 11.70, 11.100, 11.200).

A signer enters their password again, or signs in again at their identity provider for this one request. The signature
states its meaning and the printed name of the signer. It is stored in the same append-only row as the decision and the
digest that it covers, so nobody can remove it or move it to another decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from django.utils import timezone

from accounts.models import User
from accounts.reauthentication import reauthenticate
from approvals.case.loading import Case
from approvals.models import Decision, Override, Review
from core.actors import Actor
from core.errors import InvalidInput, InvalidState
from core.refs import request_ref

# The greatest time between entering the password and signing.
SIGNING_WINDOW = timedelta(minutes=5)
OVERRIDE = "override"
# The meanings that a signature can have, by decision (11.50(a)(3): "review, approval, responsibility, or authorship").
MEANINGS: dict[str, tuple[str, ...]] = {
    Decision.APPROVE: ("approval", "review", "responsibility"),
    Decision.REJECT: ("rejection", "review"),
    Decision.REQUEST_CHANGES: ("review",),
    OVERRIDE: ("responsibility", "approval"),
}


@dataclass(frozen=True, slots=True)
class Signature:
    """Input of a signer: the meaning of the signature, and their password or a proof by their identity provider."""

    password: str = field(repr=False)
    meaning: str
    proof: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class VerifiedSignature:
    """A signature of somebody who confirmed at ``verified_at`` who they are.

    ``purpose`` is the reference of the request that an identity provider was asked for, "" with a password.
    """

    meaning: str
    verified_at: datetime
    purpose: str = ""


class SignedFields(TypedDict, total=False):
    """The columns of a signature in a review or override; empty without a signature."""

    meaning: str
    printed_name: str
    signed_at: datetime


def verify_signature(actor: Actor, signature: Signature | None, signed_act: str) -> VerifiedSignature | None:
    """Verify the signature of ``signed_act`` (a decision, or OVERRIDE) and return it; None without a signature.

    Runs before anything is locked, because hashing a password is slow. Raises InvalidInput for a meaning that the act
    cannot have, Denied for a wrong password or proof.
    """
    if signature is None:
        return None
    if signature.meaning not in MEANINGS[signed_act]:
        raise InvalidInput(f"The meaning must be {' or '.join(MEANINGS[signed_act])}, not {signature.meaning[:50]!r}.")
    confirmed = reauthenticate(actor=actor, password=signature.password, proof=signature.proof)
    return VerifiedSignature(signature.meaning, confirmed.at, confirmed.purpose)


def signed_fields(case: Case, signer: User, verified: VerifiedSignature | None) -> SignedFields:
    """Return the columns of a signature; an empty dict without one.

    Raises InvalidState if a needed signature is missing, if it is too old or for another request, or if the signer has
    no full name.
    """
    if verified is None:
        if case.snapshot.e_signature:
            raise InvalidState(
                f"{case.policy.label} asks for an electronic signature: decide on the request's page, where you enter "
                "your password and select the meaning of the signature."
            )
        return {}
    now = timezone.now()
    if now - verified.verified_at > SIGNING_WINDOW:
        raise InvalidState("You entered the password more than five minutes ago. Enter it again.")
    if verified.purpose not in ("", request_ref(case.request.pk)):
        raise InvalidState("You confirmed who you are for another request. Confirm it for this one.")
    name = signer.get_full_name().strip()
    if not name:
        raise InvalidState(
            "A signature prints your full name, and your account has none. Ask an administrator to enter it."
        )
    return {"meaning": verified.meaning, "printed_name": name, "signed_at": now}


def signature_facts(row: Review | Override) -> dict[str, object]:
    """Return the facts of a row's signature for an audit event; an empty dict if it is not signed."""
    if row.signed_at is None:
        return {}
    return {"signature": {"meaning": row.meaning, "printed_name": row.printed_name, "signed_at": row.signed_at}}
