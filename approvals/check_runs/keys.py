"""Public keys that verify the results of external checks.

A superuser adds and revokes them. The rule of a policy names the keys that may sign for it.
"""

from __future__ import annotations

import base64
import binascii
import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction
from django.utils import timezone

from approvals.models import CheckKey
from approvals.permissions.check_runs import refusal_to_change_check_keys
from approvals.permissions.refusal import deny_if
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from core.refs import check_key_ref

MAX_NOTE = 500
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_KEY_BYTES, _SIGNATURE_BYTES = 32, 64


@transaction.atomic
def add_check_key(*, actor: Actor, name: str, public_key: str, note: str = "") -> CheckKey:
    """Register an Ed25519 public key (RFC 8032), given as its 32 bytes in base64, and return it.

    The name of a revoked key cannot be used again. Raises Denied (only superusers may), InvalidInput, AlreadyExists.
    """
    deny_if(refusal_to_change_check_keys(actor, Action.APPROVALS_CHECK_KEY_ADDED, name))
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "The name of a key has at most 100 lower-case letters, digits, dots, dashes and underscores."
        )
    if len(note) > MAX_NOTE or "\x00" in note:
        raise InvalidInput(f"A note has at most {MAX_NOTE} characters.")
    key = _decoded(public_key, _KEY_BYTES, "A public key")
    if CheckKey.objects.filter(name=name).exists():
        raise AlreadyExists(f"There already is a check key called {name}.")
    check_key = CheckKey.objects.create(name=name, public_key=_text(key), note=note, added_by=actor.name)
    record(
        actor=actor,
        action=Action.APPROVALS_CHECK_KEY_ADDED,
        obj=check_key_ref(name),
        after={"public_key": check_key.public_key},
        reason=note,
    )
    return check_key


@transaction.atomic
def revoke_check_key(*, actor: Actor, name: str, reason: str = "") -> CheckKey:
    """Revoke a key and return it. Later results signed with it are refused; earlier results stay valid.

    Raises NotFound, InvalidState (it is revoked already), Denied (only superusers may), InvalidInput.
    """
    deny_if(refusal_to_change_check_keys(actor, Action.APPROVALS_CHECK_KEY_REVOKED, name))
    if len(reason) > MAX_NOTE or "\x00" in reason:
        raise InvalidInput(f"A reason has at most {MAX_NOTE} characters.")
    key = CheckKey.objects.select_for_update().filter(name=name).first()
    if key is None:
        raise NotFound(f"No check key is called {name[:100]}.")
    if key.revoked_at is not None:
        raise InvalidState(f"The check key {name} is revoked already.")
    key.revoked_by, key.revoked_at = actor.name, timezone.now()
    key.save(update_fields=["revoked_by", "revoked_at"])
    record(actor=actor, action=Action.APPROVALS_CHECK_KEY_REVOKED, obj=check_key_ref(name), reason=reason)
    return key


def is_signed(key: CheckKey, signed: bytes, signature: str) -> bool:
    """Return whether the key made this signature (base64) of these bytes."""
    try:
        signature_bytes = _decoded(signature, _SIGNATURE_BYTES, "A signature")
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key.public_key)).verify(signature_bytes, signed)
    except (InvalidSignature, InvalidInput):
        return False
    return True


def _decoded(text: str, size: int, label: str) -> bytes:
    try:
        key_bytes = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"{label} must be {size} bytes in base64.") from error
    if len(key_bytes) != size:
        raise InvalidInput(f"{label} must be {size} bytes in base64, not {len(key_bytes)}.")
    return key_bytes


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
