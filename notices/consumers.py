"""From events to notices: named in `AUDIT_CONSUMERS`, so nobody has to think of notifying where something changes."""

from __future__ import annotations

from audit.consumers import consumes
from audit.models import Event
from notices.audience import TOLD, tells_of
from notices.services.telling import tell


@consumes(*TOLD)
def on_event(event: Event) -> None:
    """Write a notice to everybody whom the event concerns, and the messages that carry it out. Idempotent."""
    if event.outcome == "ok":
        tell(event, tells_of(event))
