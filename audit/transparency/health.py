"""Health of the log's signing, for /healthz and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.utils import timezone

from audit.models import Event, Leaf, Log
from audit.queries import current_log

# An active sequencer records a heartbeat every few seconds.
_SILENT_AFTER = timedelta(seconds=15)
_LATE_AFTER = timedelta(seconds=10)


class LogState(StrEnum):
    """The state of signing."""

    OK = "ok"
    STOPPED = "stopped"  # the sequencer refuses to sign; `Log.problem` says why
    SILENT = "silent"  # no sequencer has recorded a heartbeat lately
    LATE = "late"  # events wait for longer than they should


@dataclass(frozen=True, slots=True)
class LogHealth:
    """The state of the log, why nothing is signed ("" while it works), and the row of the log."""

    state: LogState
    problem: str
    log: Log | None


def log_health() -> LogHealth:
    """Return the state of the log; three queries at most."""
    log = current_log()
    if log is None or log.checked_at is None:
        return LogHealth(LogState.SILENT, "No sequencer has run yet: start `manage.py audit_sequencer`.", log)
    if log.problem:
        return LogHealth(LogState.STOPPED, log.problem, log)
    now = timezone.now()
    if log.checked_at < now - _SILENT_AFTER:
        return LogHealth(LogState.SILENT, "The sequencer does not answer: is `manage.py audit_sequencer` running?", log)
    # An event has a number and is not in the tree, or (PostgreSQL) was committed a while ago and has no number.
    is_behind = Leaf.objects.filter(log=log.number, seq=log.size).exists()
    newest = Event.objects.filter(at__lt=now - _LATE_AFTER).order_by("-at", "-id").first()
    if newest and (is_behind or not Leaf.objects.filter(event=newest, log=log.number).exists()):
        return LogHealth(LogState.LATE, "Events have been waiting for more than ten seconds.", log)
    return LogHealth(LogState.OK, "", log)
