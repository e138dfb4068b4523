"""How values read: times, numbers, durations, and what each kind of state looks like. Plain functions, no ORM."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass

from core.times import from_ms as time_of_ms

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_STEPS = ((_MINUTE, 1, "s"), (_HOUR, _MINUTE, "min"), (2 * _DAY, _HOUR, "h"), (60 * _DAY, _DAY, "days"))
_MONTH, _YEAR = 30.44 * _DAY, 365.25 * _DAY
_JUST_NOW = 10


@dataclass(frozen=True, slots=True)
class Look:
    """Tone (`ok`, `bad`, `wait`, `info`, `none`), icon and words: never colour alone."""

    tone: str
    icon: str
    label: str


STAGES = {
    "None": Look("none", "radio_button_unchecked", "No stage"),
    "Staging": Look("wait", "science", "Staging"),
    "Production": Look("ok", "verified", "Production"),
    "Archived": Look("none", "inventory_2", "Archived"),
}
REQUEST_STATES = {
    "open": Look("wait", "hourglass_top", "Open"),
    "approved": Look("info", "task_alt", "Approved"),
    "applied": Look("ok", "check_circle", "Applied"),
    "rejected": Look("bad", "cancel", "Rejected"),
    "withdrawn": Look("none", "undo", "Withdrawn"),
    "expired": Look("none", "timer_off", "Expired"),
    "stale": Look("none", "sync_problem", "Out of date"),
}
RULE_STATES = {
    "passed": Look("ok", "check_circle", "Passed"),
    "failed": Look("bad", "cancel", "Failed"),
    "pending": Look("wait", "pending", "Waiting"),
    "overridden": Look("info", "gavel", "Overridden"),
    "not_applicable": Look("none", "remove_circle_outline", "Does not apply"),
}
CHECK_STATES = {
    "queued": Look("none", "schedule", "Queued"),
    "waiting": Look("wait", "hourglass_top", "Waiting"),
    "running": Look("info", "progress_activity", "Running"),
    "passed": Look("ok", "check_circle", "Passed"),
    "failed": Look("bad", "cancel", "Failed"),
    "error": Look("bad", "report", "Error"),
    "cancelled": Look("none", "cancel", "Cancelled"),
}
RUN_STATES = {
    "RUNNING": Look("info", "progress_activity", "Running"),
    "SCHEDULED": Look("none", "schedule", "Scheduled"),
    "FINISHED": Look("ok", "check_circle", "Finished"),
    "FAILED": Look("bad", "cancel", "Failed"),
    "KILLED": Look("bad", "block", "Killed"),
}
DECISIONS = {
    "approve": Look("ok", "thumb_up", "Approved"),
    "reject": Look("bad", "thumb_down", "Rejected"),
    "request_changes": Look("wait", "edit_note", "Asks for changes"),
}
NOTICES = {
    "decision": Look("info", "rate_review", "Decision"),
    "reminder": Look("wait", "alarm", "Reminder"),
    "review": Look("info", "how_to_reg", "Review"),
    "outcome": Look("ok", "flag", "Outcome"),
    "mention": Look("info", "alternate_email", "Mention"),
    "comment": Look("none", "forum", "Comment"),
    "alarm": Look("bad", "e911_emergency", "Emergency"),
    "finding": Look("wait", "report", "Finding"),
    "proposal": Look("info", "gavel", "Policy"),
    "delegation": Look("info", "move_down", "Delegation"),
}
PROPOSAL_STATES = {
    "open": Look("wait", "hourglass_top", "Waits for a second person"),
    "published": Look("ok", "check_circle", "Approved"),
    "rejected": Look("bad", "cancel", "Rejected"),
    "withdrawn": Look("none", "undo", "Withdrawn"),
    "stale": Look("none", "sync_problem", "Out of date"),
}
OUTCOMES = {
    "same": Look("none", "equal", "As it was"),
    "would_block": Look("bad", "block", "Would block"),
    "would_pass": Look("ok", "check_circle", "Would pass"),
    "unknown": Look("wait", "help", "Cannot tell"),
}
VERDICTS = {
    "approved": Look("ok", "check_circle", "Would move"),
    "pending": Look("wait", "pending", "Would wait"),
    "blocked": Look("bad", "block", "Would be blocked"),
    "rejected": Look("bad", "cancel", "Rejected"),
}
EFFECTS = {
    "tighter": Look("info", "lock", "tighter"),
    "looser": Look("wait", "lock_open", "looser"),
    "open": Look("none", "edit", "changed"),
}
TIERS = {
    "": Look("none", "help", "Risk not assessed"),
    "minimal": Look("ok", "shield", "Minimal risk"),
    "limited": Look("info", "shield", "Limited risk"),
    "high": Look("wait", "gpp_maybe", "High risk"),
    "unacceptable": Look("bad", "gpp_bad", "Unacceptable risk"),
}
FINDING_STATES = {
    "open": Look("bad", "report", "Open"),
    "resolved": Look("ok", "task_alt", "Resolved"),
    "accepted": Look("info", "handshake", "Accepted"),
    "false_positive": Look("none", "do_not_disturb_on", "False positive"),
}
SEVERITIES = {
    "low": Look("none", "keyboard_arrow_down", "Low"),
    "medium": Look("info", "drag_handle", "Medium"),
    "high": Look("wait", "keyboard_arrow_up", "High"),
    "critical": Look("bad", "keyboard_double_arrow_up", "Critical"),
}
REQUEST_KINDS = {
    "promotion": Look("none", "upgrade", "Promotion"),
    "rollback": Look("info", "settings_backup_restore", "Rollback"),
    "break_glass": Look("bad", "e911_emergency", "Emergency"),
}
_KINDS = {
    "notice": NOTICES,
    "stage": STAGES,
    "request": REQUEST_STATES,
    "rule": RULE_STATES,
    "check": CHECK_STATES,
    "run": RUN_STATES,
    "decision": DECISIONS,
    "proposal": PROPOSAL_STATES,
    "outcome": OUTCOMES,
    "verdict": VERDICTS,
    "effect": EFFECTS,
    "finding": FINDING_STATES,
    "severity": SEVERITIES,
    "request_kind": REQUEST_KINDS,
    "tier": TIERS,
}


def look(kind: str, value: str) -> Look:
    """Return how a state looks; a value nobody foresaw is shown as it is, in grey."""
    if kind == "stage" and value.startswith("@"):
        return Look("info", "alternate_email", value)
    return _KINDS[kind].get(value) or Look("none", "help", value)


def span(seconds: float) -> str:
    """Return a length of time in one unit: ``40 s``, ``3 min``, ``5 h``, ``12 days``, ``4 months``."""
    seconds = abs(seconds)
    for limit, unit, name in _STEPS:
        if seconds < limit:
            count = int(seconds // unit)
            return f"{count} {name.removesuffix('s') if name == 'days' and count == 1 else name}"
    if seconds < _YEAR:
        return f"{int(seconds // _MONTH)} months"
    years = int(seconds // _YEAR)
    return f"{years} year{'s' if years > 1 else ''}"


def ago(moment: datetime.datetime, now: datetime.datetime) -> str:
    """Return a moment relative to now: ``just now``, ``5 min ago``, ``in 3 days``."""
    seconds = (now - moment).total_seconds()
    if abs(seconds) < _JUST_NOW:
        return "just now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(seconds)}"


def exact(moment: datetime.datetime) -> str:
    """Return the full UTC time, to the second."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def from_ms(milliseconds: int) -> datetime.datetime | None:
    """Return the UTC time of milliseconds since 1970, or None for 0 and for times no calendar has."""
    try:
        return time_of_ms(milliseconds) if milliseconds else None
    except (OverflowError, OSError, ValueError):
        return None


_PLAIN_LIMIT = 1e7
_SMALL_LIMIT = 1e-4


def number(value: float) -> str:
    """Return a number with five significant digits: ``0.91234``, ``12,345``, ``1.2e-05``."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < _PLAIN_LIMIT:
        return f"{int(value):,}"
    if abs(value) >= _PLAIN_LIMIT or (0 < abs(value) < _SMALL_LIMIT):
        return f"{value:.3e}"
    text = f"{value:.5g}"
    return f"{value:,.1f}" if "e" in text else text


def signed(value: float) -> str:
    """Return a difference with its sign; a real minus, not a hyphen."""
    if value == 0:
        return "±0"
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"  # noqa: RUF001 - a minus is meant


def size(count: int) -> str:
    """Return bytes in binary units: ``812 B``, ``4.2 KiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":  # noqa: PLR2004 - the binary step
            return f"{int(amount)} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return ""


_SHORT = 12


def short_digest(digest: str) -> str:
    """Return a digest short enough for a line: ``sha256:1f2e3d4c5b6a``; the whole of it goes into the title."""
    algorithm, colon, rest = digest.rpartition(":")
    return f"{algorithm}{colon}{rest[:_SHORT]}{'…' if len(rest) > _SHORT else ''}"
