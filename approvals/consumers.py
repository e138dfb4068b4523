"""What governance wants to know of events (settings.AUDIT_CONSUMERS)."""

from __future__ import annotations

from approvals.services.packs import order_pack
from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from audit.queries import facts
from registry.stages import Stage


@consumes(Action.REGISTRY_STAGE_CHANGED)
def on_promotion(event: Event) -> None:
    """Order the conformity pack of a version that has just become the current Production one. Idempotent."""
    if event.outcome != "ok":
        return
    known = facts(event)
    before, after = known["before"], known["after"]
    if after.get("stage") == Stage.PRODUCTION and after.get("is_current") and not before.get("is_current"):
        order_pack(event=event)
