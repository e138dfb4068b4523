"""Writing model cards: the first revision at registration, a new one for every edit, none ever changed."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from audit.actions import Action
from audit.actors import Actor
from audit.canonical import digest_of
from audit.errors import Conflict, InvalidInput
from audit.refs import model_stream, user_ref, version_ref
from audit.services import record
from registry.cards import HUMAN_KEYS, Body, Entry, first_body
from registry.models import CardRevision, ModelVersion
from registry.names import check_text
from registry.queries import current_card
from registry.services.models import lock_version, now_ms

MAX_FIELD = 20_000


def create_card(*, actor: Actor, version: ModelVersion) -> CardRevision:
    """Write the first revision of a version's card, in the transaction that registers it."""
    return _add(actor, version, 1, first_body(version), action=Action.REGISTRY_CARD_CREATED, before={}, changed=[])


@transaction.atomic
def edit_card(*, actor: Actor, version: ModelVersion, fields: Mapping[str, str], expected_number: int) -> CardRevision:
    """Write a new revision with these human fields replaced, and return it; the current one where nothing changes.

    ``expected_number`` is the revision the caller read: Conflict when there is a newer one. InvalidInput for a field that
    does not exist or is filled automatically; NotFound, Denied.
    """
    wanted = {key: _checked(key, value) for key, value in fields.items()}
    locked = lock_version(
        actor=actor, name=version.model.name, version=version.version, action=Action.REGISTRY_CARD_EDITED
    )
    card = current_card(locked)
    if card.number != expected_number:
        raise Conflict(
            f"The card of {locked} is at revision {card.number}, you edited revision {expected_number}. "
            "Load it again and repeat your change."
        )
    changed = sorted(key for key, value in wanted.items() if card.body.get(key, {}).get("value", "") != value)
    if not changed:
        return card
    edits = {key: Entry(value=wanted[key], source="human", pointer=user_ref(actor.name)) for key in changed}
    body: Body = {**card.body, **edits}
    before = {"number": card.number, "digest": card.digest}
    ModelVersion.objects.filter(pk=locked.pk).update(updated_ms=now_ms())
    return _add(
        actor, locked, card.number + 1, body, action=Action.REGISTRY_CARD_EDITED, before=before, changed=changed
    )


def _add(
    actor: Actor,
    version: ModelVersion,
    number: int,
    body: Body,
    *,
    action: Action,
    before: Mapping[str, object],
    changed: list[str],
) -> CardRevision:
    card = CardRevision(version=version, number=number, body=body, digest=digest_of(body), author=actor.name)
    card.save(force_insert=True)
    record(
        actor=actor,
        action=action,
        obj=version_ref(version.model.name, version.version),
        stream=model_stream(version.model_id),
        before=before,
        after={"number": number, "digest": card.digest, "changed": changed},
    )
    return card


def _checked(key: str, value: object) -> str:
    if key not in HUMAN_KEYS:
        raise InvalidInput(
            f"The card has no field {key[:100]!r} that people fill in; there are {', '.join(HUMAN_KEYS)}."
        )
    if not isinstance(value, str):
        raise InvalidInput(f"The card field {key} must be text.")
    return check_text(value.replace("\r\n", "\n").strip(), f"card field {key}", MAX_FIELD)
