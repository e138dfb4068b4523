"""Adding and removing passkeys. Only the person themselves adds one, and first confirms who they are: by the password,
or by signing in again at their identity provider.

Between the two steps of an addition nothing is stored: the browser brings back a token that this server signed. Each
addition is an event with the public key, so that it is a leaf of the audit log.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.authentication import find_signed_in_person
from accounts.models import Passkey, User
from accounts.passkeys.ceremonies import creation_options, verify_creation
from accounts.reauthentication import reauthenticate, require_person
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, InvalidState, NotFound
from core.refs import user_ref

# What a proof by an identity provider is for.
PURPOSE = "passkey"
ENROLMENT_SECONDS = 300
MAX_PASSKEYS = 20
_SALT = "custody.passkeys.enrolment"
_MAX_NAME = 100


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An addition that has begun: the options for the browser as JSON, and the token that comes back with them."""

    options: str
    token: str


def passkeys_of(user_id: int | None) -> QuerySet[Passkey]:
    """Return the passkeys of a person that are not removed, oldest first."""
    rows = Passkey.objects.filter(removed_at__isnull=True).order_by("pk")
    return rows.none() if user_id is None else rows.filter(user_id=user_id)


def begin_enrolment(*, actor: Actor, password: str, name: str, proof: str = "") -> Enrolment:
    """Check the password of a signed-in person, or their proof by an identity provider, and return what their browser
    needs to make a passkey.

    The answer must come back within five minutes. Raises InvalidInput (the name), InvalidState (they have too many),
    Denied unless the actor is a signed-in person, for a wrong password or proof, and after too many wrong ones.
    """
    label = _name(name)
    user = require_person(actor, Action.ACCOUNT_PASSKEY_ADDED, "add a passkey")
    if not proof:
        reauthenticate(actor=actor, password=password)
        return _begin(user, label)
    with transaction.atomic():  # a refusal does not use the proof up
        _use_proof(actor, user, proof)
        return _begin(user, label)


def _use_proof(actor: Actor, user: User, proof: str) -> None:
    confirmation = reauthenticate(actor=actor, password="", proof=proof)
    if confirmation.purpose != PURPOSE:
        message = "You confirmed who you are for something else. Confirm it for this."
        raise Denied(message, action=Action.ACCOUNT_PASSKEY_ADDED, obj=user_ref(user.username))


def _begin(user: User, label: str) -> Enrolment:
    ids = list(passkeys_of(user.pk).values_list("credential_id", flat=True))
    if len(ids) >= MAX_PASSKEYS:
        raise InvalidState(f"You have {len(ids)} passkeys. Remove one before you add another.")
    challenge = secrets.token_bytes(32)
    options = creation_options(user_id=user.pk, username=user.username, challenge=challenge, enrolled_ids=ids)
    token = signing.dumps(
        {"user": user.pk, "name": label, "challenge": base64.b64encode(challenge).decode()}, salt=_SALT
    )
    return Enrolment(options, token)


@transaction.atomic
def finish_enrolment(*, actor: Actor, token: str, answer: str) -> Passkey:
    """Add the passkey that a browser made, and return it. ``answer`` is the browser's answer as JSON.

    Raises Denied unless the actor is a signed-in person, InvalidInput (the token has expired or is another person's,
    the answer is wrong), Conflict (the passkey was added before).
    """
    user = require_person(actor, Action.ACCOUNT_PASSKEY_ADDED, "add a passkey")
    name, challenge = _begun(token, user)
    credential = verify_creation(answer, challenge)
    # The row is locked, so that two answers at the same time do not add one passkey twice.
    User.objects.select_for_update().get(pk=user.pk)
    if Passkey.objects.filter(credential_id=credential.credential_id).exists():
        raise Conflict("This passkey was added before. Make another one.")
    event = record(
        actor=actor,
        action=Action.ACCOUNT_PASSKEY_ADDED,
        obj=user_ref(user.username),
        after={
            "name": name,
            "credential_id": credential.credential_id,
            "public_key": credential.public_key,
            "aaguid": credential.aaguid,
            "synced": credential.synced,
            "rp_id": settings.PASSKEY_RP_ID,
        },
    )
    return Passkey.objects.create(
        user=user,
        name=name,
        credential_id=credential.credential_id,
        public_key=credential.public_key,
        aaguid=credential.aaguid,
        synced=credential.synced,
        sign_count=credential.sign_count,
        enrolment_event=event.event_id,
    )


@transaction.atomic
def remove_passkey(*, actor: Actor, passkey_id: int) -> Passkey:
    """Remove a passkey of the actor's own, or as a superuser of somebody else's, and return it with its owner.

    What it has signed stays signed. Raises NotFound, Denied.
    """
    rows = Passkey.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(pk=passkey_id, removed_at__isnull=True).first()
    if row is None:
        raise NotFound(f"There is no passkey {passkey_id}.")
    remover = find_signed_in_person(actor)
    if remover is None or (remover.pk != row.user_id and not remover.is_superuser):
        raise Denied(
            "Only its owner, or a superuser who is signed in, may remove a passkey.",
            action=Action.ACCOUNT_PASSKEY_REMOVED,
            obj=user_ref(row.user.username),
        )
    row.removed_at, row.removed_by = timezone.now(), remover
    row.save(update_fields=["removed_at", "removed_by"])
    record(
        actor=actor,
        action=Action.ACCOUNT_PASSKEY_REMOVED,
        obj=user_ref(row.user.username),
        before={
            "name": TextOf(row.user.username, row.name),
            "credential_id": row.credential_id,
            "public_key": row.public_key,
        },
    )
    return row


def _name(value: str) -> str:
    name = value.strip()
    if not name or "\x00" in name or len(name) > _MAX_NAME:
        raise InvalidInput(f"Give the passkey a name of 1 to {_MAX_NAME} characters.")
    return name


def _begun(token: str, user: User) -> tuple[str, bytes]:
    """Return the name and the challenge of an addition that this person has begun. Raises InvalidInput."""
    try:
        begun = signing.loads(token, salt=_SALT, max_age=ENROLMENT_SECONDS)
    except signing.SignatureExpired as error:
        raise InvalidInput("You confirmed who you are more than five minutes ago. Begin again.") from error
    except signing.BadSignature as error:
        raise InvalidInput("This addition of a passkey did not begin here. Begin again.") from error
    if begun["user"] != user.pk:
        raise InvalidInput("Somebody else began this addition of a passkey. Begin again.")
    return str(begun["name"]), base64.b64decode(begun["challenge"])
