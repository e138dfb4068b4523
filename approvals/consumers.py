"""Consumers of audit events for governance, named in settings.AUDIT_CONSUMERS."""

from __future__ import annotations

from approvals.case.pins import pin_facts
from approvals.packs.freeze import order_pack, promoted_version
from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from audit.queries import facts
from audit.services import enqueue
from registry.stages import Stage


@consumes(Action.LINEAGE_QUARANTINE_PLACED)
def on_quarantine(event: Event) -> None:
    """Queue the opening of findings on live versions that descend from quarantined data. Idempotent."""
    quarantine = facts(event)["after"].get("quarantine")
    if event.outcome == "ok" and isinstance(quarantine, int):
        enqueue("approvals.tasks.open_quarantine_findings", quarantine_id=quarantine)


@consumes(Action.LINEAGE_QUARANTINE_RELEASED)
def on_release(event: Event) -> None:
    """Queue the closing of the findings of a released quarantine. Idempotent."""
    quarantine = facts(event)["before"].get("quarantine")
    if event.outcome == "ok" and isinstance(quarantine, int):
        enqueue("approvals.tasks.close_quarantine_findings", quarantine_id=quarantine)


@consumes(Action.REGISTRY_STAGE_CHANGED)
def on_promotion(event: Event) -> None:
    """Pin the run facts of a version that became the current Production version, and order its pack. Idempotent."""
    if event.outcome != "ok":
        return
    event_facts = facts(event)
    before, after = event_facts["before"], event_facts["after"]
    if after.get("stage") == Stage.PRODUCTION and after.get("is_current") and not before.get("is_current"):
        _promoted(event, Stage.PRODUCTION.value, with_pack=True)


@consumes(Action.REGISTRY_ALIAS_SET)
def on_alias(event: Event) -> None:
    """Pin the run facts of a version that an alias now points to, and order its pack if the alias is protected.

    Idempotent.
    """
    if event.outcome != "ok":
        return
    event_facts = facts(event)
    before, after = event_facts["before"] or {}, event_facts["after"]
    if before.get("version") != after["version"]:
        _promoted(event, f"@{after['alias']}", with_pack="basis" in after)


def _promoted(event: Event, target: str, *, with_pack: bool) -> None:
    version = promoted_version(event)
    if version is None:
        return
    pin_facts(version=version, target=target, event_id=event.event_id)
    if with_pack:
        order_pack(event=event, version=version)
