"""The only writer of a version's re-review date. The approvals app acts on that date."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from registry.locks import lock_model
from registry.models import ModelVersion


@transaction.atomic
def set_review_due(*, actor: Actor, version_id: int, due_at: datetime | None, reason: str = "") -> bool:
    """Set the re-review date of a version (None: never) and return whether it changed."""
    live = ModelVersion.objects.filter(pk=version_id, deleted_at__isnull=True)
    model_id = live.values_list("model_id", flat=True).first()
    if model_id is None:
        return False
    lock_model(model_id)
    version = ModelVersion.objects.select_related("model").get(pk=version_id)
    if version.review_due_at == due_at:
        return False
    before, version.review_due_at = version.review_due_at, due_at
    version.save(update_fields=["review_due_at"])
    record(
        actor=actor,
        action=Action.REGISTRY_REVIEW_DUE_SET,
        obj=version,
        before={"review_due_at": before},
        after={"review_due_at": due_at},
        reason=reason,
    )
    return True
