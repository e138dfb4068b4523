"""Consumers of audit events for governance, named in settings.AUDIT_CONSUMERS."""

from __future__ import annotations

from approvals.packs.freeze import order_pack
from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from audit.queries import facts
from audit.services import enqueue
from registry.stages import Stage


@consumes(Action.LINEAGE_QUARANTINE_PLACED)
def on_quarantine(event: Event) -> None:
    """Have findings opened on what is live and descends from quarantined data; a worker does it, and may do it twice."""
    quarantine = facts(event)["after"].get("quarantine")
    if event.outcome == "ok" and isinstance(quarantine, int):
        enqueue("approvals.tasks.open_quarantine_findings", quarantine_id=quarantine)


@consumes(Action.LINEAGE_QUARANTINE_RELEASED)
def on_release(event: Event) -> None:
    """Have the findings of a quarantine resolved that is released; a worker does it, and may do it twice."""
    quarantine = facts(event)["before"].get("quarantine")
    if event.outcome == "ok" and isinstance(quarantine, int):
        enqueue("approvals.tasks.close_quarantine_findings", quarantine_id=quarantine)


@consumes(Action.REGISTRY_STAGE_CHANGED)
def on_promotion(event: Event) -> None:
    """Order the conformity pack of a version that has just become the current Production one. Idempotent."""
    if event.outcome != "ok":
        return
    known = facts(event)
    before, after = known["before"], known["after"]
    if after.get("stage") == Stage.PRODUCTION and after.get("is_current") and not before.get("is_current"):
        order_pack(event=event)


@consumes(Action.REGISTRY_ALIAS_SET)
def on_alias(event: Event) -> None:
    """Order the conformity pack of a version that a protected alias has just come to point to. Idempotent."""
    if event.outcome != "ok":
        return
    known = facts(event)
    before, after = known["before"] or {}, known["after"]
    if "basis" in after and before.get("version") != after["version"]:
        order_pack(event=event)
