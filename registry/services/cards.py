"""Model cards: the first revision is written at registration, and every edit writes a new revision."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.canonical import digest_of
from core.errors import Conflict, InvalidInput
from core.refs import user_ref
from core.times import now_ms
from registry.cards import BY_KEY, EDITABLE_KEYS, Body, Entry, first_body, measured_body
from registry.cards.schema import require_fits
from registry.cards.values import Value, checked_value
from registry.locks import lock_version
from registry.models import CardRevision, ModelVersion
from registry.queries import current_card

_EntryMaker = Callable[[Value], Entry]


def create_card(*, actor: Actor, version: ModelVersion) -> CardRevision:
    """Write the first revision of a version's card, in the transaction that registers it."""
    return _add(actor, version, 1, first_body(version), action=Action.REGISTRY_CARD_CREATED, before={}, changed=[])


@transaction.atomic
def edit_card(
    *, actor: Actor, version: ModelVersion, fields: Mapping[str, object], expected_number: int
) -> CardRevision:
    """Write a new revision with these human fields replaced, and return it; the current one where nothing changes.

    ``expected_number`` is the revision that the caller has read. Raises Conflict when there is a newer one. Raises
    InvalidInput for a field that does not exist, is filled automatically, or has a value that is not of its kind. Also
    raises NotFound, Denied.
    """
    pointer = user_ref(actor.name)
    return _revise(
        actor, version, fields, expected_number, lambda value: Entry(value=value, source="human", pointer=pointer)
    )


@transaction.atomic
def import_card(
    *, actor: Actor, version: ModelVersion, fields: Mapping[str, object], expected_number: int, origin: str
) -> CardRevision:
    """Write a new revision with fields from a card in another format; other fields stay unchanged.

    ``origin`` names the imported document (`import:huggingface/sha256:…`) and becomes the pointer of each field. For
    the other arguments see `edit_card`. Raises Conflict, Denied, InvalidInput, NotFound.
    """
    return _revise(
        actor,
        version,
        fields,
        expected_number,
        lambda value: Entry(value=value, source="imported", pointer=origin),
        origin=origin,
    )


def _revise(
    actor: Actor,
    version: ModelVersion,
    fields: Mapping[str, object],
    expected_number: int,
    entry_of: _EntryMaker,
    *,
    origin: str = "",
) -> CardRevision:
    checked_fields = {key: _checked(key, value) for key, value in fields.items()}
    locked = lock_version(
        actor=actor, name=version.model.name, version=version.version, action=Action.REGISTRY_CARD_EDITED
    )
    card = current_card(locked)
    if card.number != expected_number:
        raise Conflict(
            f"The card of {locked} has revision {card.number}, but you edited revision {expected_number}. "
            "Load it again and repeat your change."
        )
    written = {key: entry_of(value) for key, value in checked_fields.items() if _differs(card.body.get(key), value)}
    measured = _measured_since(card, locked)
    if not written and not measured:
        return card
    changed = sorted({**measured, **written})
    body: Body = {**card.body, **measured, **written}
    before = {"number": card.number, "digest": card.digest}
    ModelVersion.objects.filter(pk=locked.pk).update(updated_ms=now_ms())
    return _add(
        actor,
        locked,
        card.number + 1,
        body,
        action=Action.REGISTRY_CARD_EDITED,
        before=before,
        changed=changed,
        origin=origin,
    )


@transaction.atomic
def refresh_card(*, actor: Actor, version: ModelVersion) -> CardRevision:
    """Write a new revision where values of the run or the files have changed, and return it; else the current one.

    The caller has locked the model. It calls this before a review, so that the card has the values that the checks
    read. The human fields stay unchanged.
    """
    card = current_card(version)
    measured = _measured_since(card, version)
    if not measured:
        return card
    return _add(
        actor,
        version,
        card.number + 1,
        {**card.body, **measured},
        action=Action.REGISTRY_CARD_EDITED,
        before={"number": card.number, "digest": card.digest},
        changed=sorted(measured),
    )


def _measured_since(card: CardRevision, version: ModelVersion) -> Body:
    """Return the automatic fields that differ from this revision."""
    return {key: entry for key, entry in measured_body(version).items() if card.body.get(key) != entry}


def _differs(entry: Mapping[str, object] | None, value: Value) -> bool:
    """Return whether a value differs from the stored one; all empty values are equal, whatever their type."""
    stored = entry.get("value", "") if entry else ""
    return (stored or "") != (value or "")


def _add(
    actor: Actor,
    version: ModelVersion,
    number: int,
    body: Body,
    *,
    action: Action,
    before: Mapping[str, object],
    changed: list[str],
    origin: str = "",
) -> CardRevision:
    require_fits(body)
    card = CardRevision(version=version, number=number, body=body, digest=digest_of(body), author=actor.name)
    card.save(force_insert=True)
    record(
        actor=actor,
        action=action,
        obj=version,
        before=before,
        after={"number": number, "digest": card.digest, "changed": changed} | ({"origin": origin} if origin else {}),
    )
    return card


def _checked(key: str, value: object) -> Value:
    field = BY_KEY.get(key)
    if field is None or not field.human:
        raise InvalidInput(
            f"The card has no field {key[:100]!r} that people write. Choose one of {', '.join(EDITABLE_KEYS)}."
        )
    return checked_value(field, value)
