"""From events to notices: named in `AUDIT_CONSUMERS`, so nobody has to think of notifying where something changes."""

from __future__ import annotations

from audit.consumers import consumes
from audit.models import Event
from notices.audience import TOLD, tells_of
from notices.services.setting_aside import set_aside
from notices.services.telling import tell


@consumes(*TOLD)
def on_event(event: Event) -> None:
    """Tell everybody whom the event concerns, and set aside what it makes old news. Idempotent."""
    if event.outcome == "ok":
        set_aside(event)
        tell(event, tells_of(event))
