"""The consumer of audit events that writes notices. `AUDIT_CONSUMERS` names it, so services need not call it."""

from __future__ import annotations

from audit.consumers import consumes
from audit.models import Event
from notices.audience import NOTIFIED_ACTIONS, drafts_of
from notices.services.creating import create_notices
from notices.services.resolving import mark_resolved


@consumes(*NOTIFIED_ACTIONS)
def on_event(event: Event) -> None:
    """Mark the notices that an event resolves as read, then write the notices of the event. Idempotent."""
    if event.outcome == "ok":
        mark_resolved(event)
        create_notices(event, drafts_of(event))
