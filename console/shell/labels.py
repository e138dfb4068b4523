"""The label, icon and colour of every kind of state."""

from __future__ import annotations

from dataclasses import dataclass


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


TRACE_STATES = {
    "OK": Look("ok", "check_circle", "OK"),
    "ERROR": Look("bad", "error", "Failed"),
    "IN_PROGRESS": Look("info", "pending", "In progress"),
    "STATE_UNSPECIFIED": Look("none", "help", "Unknown"),
}


_KINDS = {
    "trace": TRACE_STATES,
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
