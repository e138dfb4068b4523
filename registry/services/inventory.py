"""The inventory: describing, attesting and retiring models."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.reauthentication import require_person
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import Denied, InvalidInput
from registry.inventory import attestation_period, is_retired
from registry.locks import lock_model, lock_named
from registry.models import InventoryEntry, ModelAttestation, RegisteredModel
from registry.names import check_text
from registry.permissions import Level, who_may_read

MAX_TEXT = 2000


@transaction.atomic
def describe_model(*, actor: Actor, name: str, owner: str, purpose: str) -> InventoryEntry:
    """Set owner ("" for none) and purpose of a model and return its inventory entry.

    Raises NotFound, Denied (the actor does not manage the model), InvalidInput (the owner is not a person who may read
    the model).
    """
    text = check_text(purpose.strip(), "purpose", MAX_TEXT)
    model = lock_named(actor=actor, name=name, level=Level.MANAGE, action=Action.REGISTRY_INVENTORY_CHANGED)
    entry = _entry(model)
    before = {"owner": entry.owner.username if entry.owner else "", "purpose": entry.purpose}
    entry.owner, entry.purpose = _person(owner, model) if owner else None, text
    entry.save(update_fields=["owner", "purpose"])
    after = {"owner": owner, "purpose": text}
    record(actor=actor, action=Action.REGISTRY_INVENTORY_CHANGED, obj=model, before=before, after=after)
    return entry


@transaction.atomic
def attest_model(
    *, actor: Actor, name: str, in_use: bool, still_fit: bool, documentation_true: bool, comment: str = ""
) -> ModelAttestation:
    """Record an attestation of a model by its owner, and return it. It counts when all answers are yes.

    Raises NotFound, Denied (the actor is not the owner, or acts by a token), InvalidInput (an answer is no, and there
    is no comment).
    """
    text = check_text(comment.strip(), "comment", MAX_TEXT)
    if not (in_use and still_fit and documentation_true) and not text:
        raise InvalidInput("An answer is no. Say in the comment what is wrong.")
    model = lock_named(actor=actor, name=name, level=Level.READ, action=Action.REGISTRY_MODEL_ATTESTED)
    person = require_person(actor, Action.REGISTRY_MODEL_ATTESTED, "attest a model")
    entry = _entry(model)
    if entry.owner_id != person.pk:
        owner = f"{entry.owner.username} is its owner" if entry.owner else "it has no owner yet"
        why = f"Only the owner of {name} can attest it: {owner}."
        raise Denied(why, action=Action.REGISTRY_MODEL_ATTESTED, obj=model)
    attestation = ModelAttestation.objects.create(
        model=model,
        person=person,
        in_use=in_use,
        still_fit=still_fit,
        documentation_true=documentation_true,
        comment=text,
    )
    if attestation.counts:
        entry.attested_at, entry.overdue_at = attestation.attested_at, None
        entry.save(update_fields=["attested_at", "overdue_at"])
    after = {
        "in_use": in_use,
        "still_fit": still_fit,
        "documentation_true": documentation_true,
        "counts": attestation.counts,
    }
    record(actor=actor, action=Action.REGISTRY_MODEL_ATTESTED, obj=model, after=after, reason=text)
    return attestation


@transaction.atomic
def flag_overdue_attestation(*, actor: Actor, model_id: int, now: datetime) -> bool:
    """Record that the attestation of a model is overdue, and return whether it was recorded.

    Returns False where it is recorded already, where the model is deleted or retired, and where nobody has to attest.
    """
    model = lock_model(model_id)
    entry, period = _entry(model), attestation_period()
    if entry.overdue_at is not None or period is None or model.deleted_at is not None or is_retired(model):
        return False
    entry.overdue_at = now
    entry.save(update_fields=["overdue_at"])
    owner = entry.owner.username if entry.owner else ""
    record(actor=actor, action=Action.REGISTRY_ATTESTATION_FELL_DUE, obj=model, after={"owner": owner})
    return True


def mark_retired(*, model: RegisteredModel, at: datetime) -> None:
    """Mark a model as retired. The caller has locked the model and records the event in the same transaction."""
    entry = _entry(model)
    entry.retired_at = at
    entry.save(update_fields=["retired_at"])


def _entry(model: RegisteredModel) -> InventoryEntry:
    """Return the entry of a locked model, created where it is missing."""
    entry, _ = InventoryEntry.objects.select_related("owner").get_or_create(model=model)
    return entry


def _person(username: str, model: RegisteredModel) -> User:
    rows = User.objects.filter(username=username[:150], is_active=True, is_service=False)
    person = None if "\x00" in username else rows.first()
    if person is None or person.pk not in who_may_read(model.pk, [person]):
        raise InvalidInput(f"{username[:150]!r} cannot own {model.name}: name an active person who may read the model.")
    return person
