"""Sends the events of the log to a SIEM, in the order of their numbers.

The log itself is the queue: nothing is lost.
"""

from __future__ import annotations

import logging

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from audit.models import Leaf, SiemState
from audit.queries import current_log
from audit.sentences import read_people
from audit.siem.targets import NotTaken, target_of

logger = logging.getLogger(__name__)

_BATCH = 500


def send_events() -> int:
    """Send each target its next events and return their number. Events that a target does not accept are sent again."""
    return sum(_send_to(address) for address in settings.SIEM)


def siem_states() -> list[tuple[SiemState, int]]:
    """Return each target's state with the number of events that it lacks."""
    log = current_log()
    last = Leaf.objects.filter(log=log.number).aggregate(Max("seq"))["seq__max"] if log else None
    count = 0 if last is None else last + 1
    states = SiemState.objects.filter(address__in=settings.SIEM).order_by("address")
    return [(state, max(count - state.next_seq, 0)) for state in states]


def _send_to(address: str) -> int:
    log = current_log()
    if log is None:
        return 0
    state, _ = SiemState.objects.get_or_create(address=address, defaults={"log": log.number})
    if state.log != log.number:
        state.log, state.next_seq = log.number, 0
    leaves = Leaf.objects.filter(log=log.number, seq__gte=state.next_seq).select_related("event").order_by("seq")
    rows = [(leaf, leaf.event) for leaf in leaves[:_BATCH]]
    read_people([event for _, event in rows])
    if not rows:
        return 0
    try:
        target_of(address).send(rows)
    except NotTaken as error:
        if not state.problem:
            logger.warning("audit events wait for the SIEM: %s", error)
        state.problem = str(error)[:500]
        state.save()
        return 0
    state.next_seq, state.sent_at, state.problem = rows[-1][0].seq + 1, timezone.now(), ""
    state.save()
    return len(rows)
