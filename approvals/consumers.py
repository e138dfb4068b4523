"""What governance draws from events of the layers below: named in `AUDIT_CONSUMERS`."""

from __future__ import annotations

from audit.actions import Action
from audit.consumers import consumes
from audit.models import Event
from audit.queries import facts
from audit.services import enqueue


@consumes(Action.LINEAGE_QUARANTINE_PLACED)
def on_quarantine(event: Event) -> None:
    """Have findings opened on what is live and descends from quarantined data; a worker does it, and may do it twice."""
    quarantine = facts(event)["after"].get("quarantine")
    if event.outcome == "ok" and isinstance(quarantine, int):
        enqueue("approvals.tasks.open_quarantine_findings", quarantine_id=quarantine)
