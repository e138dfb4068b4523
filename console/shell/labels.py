"""The text, icon and colour of every state that pages show."""

from __future__ import annotations

from dataclasses import dataclass

from policies.targets import REGISTRATION, TRANSITIONS, left_by
from registry.stages import removed_alias


@dataclass(frozen=True, slots=True)
class StateLabel:
    """The display of a state. ``tone`` is its colour: `ok`, `bad`, `wait`, `info` or `none`.

    The icon and the text say the same as the colour, for people who cannot see colours.
    """

    tone: str
    icon: str
    text: str


STAGES = {
    "None": StateLabel("none", "radio_button_unchecked", "No stage"),
    "Staging": StateLabel("wait", "science", "Staging"),
    "Production": StateLabel("ok", "verified", "Production"),
    "Archived": StateLabel("none", "inventory_2", "Archived"),
}
REQUEST_STATES = {
    "open": StateLabel("wait", "hourglass_top", "Open"),
    "approved": StateLabel("info", "task_alt", "Approved"),
    "applied": StateLabel("ok", "check_circle", "Applied"),
    "rejected": StateLabel("bad", "cancel", "Rejected"),
    "withdrawn": StateLabel("none", "undo", "Withdrawn"),
    "expired": StateLabel("none", "timer_off", "Expired"),
    "stale": StateLabel("none", "sync_problem", "Out of date"),
}
RULE_STATES = {
    "passed": StateLabel("ok", "check_circle", "Passed"),
    "failed": StateLabel("bad", "cancel", "Failed"),
    "pending": StateLabel("wait", "pending", "Waiting"),
    "overridden": StateLabel("info", "gavel", "Overridden"),
    "not_applicable": StateLabel("none", "remove_circle_outline", "Does not apply"),
}
CHECK_STATES = {
    "queued": StateLabel("none", "schedule", "Queued"),
    "waiting": StateLabel("wait", "hourglass_top", "Waiting"),
    "running": StateLabel("info", "progress_activity", "Running"),
    "passed": StateLabel("ok", "check_circle", "Passed"),
    "failed": StateLabel("bad", "cancel", "Failed"),
    "error": StateLabel("bad", "report", "Error"),
    "cancelled": StateLabel("none", "cancel", "Cancelled"),
}
EXPORT_STATES = {
    "queued": StateLabel("none", "schedule", "Queued"),
    "running": StateLabel("info", "progress_activity", "Running"),
    "done": StateLabel("ok", "check_circle", "Done"),
    "failed": StateLabel("bad", "cancel", "Failed"),
}
RUN_STATES = {
    "RUNNING": StateLabel("info", "progress_activity", "Running"),
    "SCHEDULED": StateLabel("none", "schedule", "Scheduled"),
    "FINISHED": StateLabel("ok", "check_circle", "Finished"),
    "FAILED": StateLabel("bad", "cancel", "Failed"),
    "KILLED": StateLabel("bad", "block", "Killed"),
}
DECISIONS = {
    "approve": StateLabel("ok", "thumb_up", "Approved"),
    "reject": StateLabel("bad", "thumb_down", "Rejected"),
    "request_changes": StateLabel("wait", "edit_note", "Requested changes"),
}
NOTICES = {
    "decision": StateLabel("info", "rate_review", "Decision"),
    "reminder": StateLabel("wait", "alarm", "Reminder"),
    "review": StateLabel("info", "how_to_reg", "Review"),
    "outcome": StateLabel("ok", "flag", "Outcome"),
    "mention": StateLabel("info", "alternate_email", "Mention"),
    "comment": StateLabel("none", "forum", "Comment"),
    "alarm": StateLabel("bad", "e911_emergency", "Emergency"),
    "finding": StateLabel("wait", "report", "Finding"),
    "proposal": StateLabel("info", "gavel", "Policy"),
    "delegation": StateLabel("info", "move_down", "Delegation"),
}
PROPOSAL_STATES = {
    "open": StateLabel("wait", "hourglass_top", "Waiting for a second person"),
    "published": StateLabel("ok", "check_circle", "Approved"),
    "rejected": StateLabel("bad", "cancel", "Rejected"),
    "withdrawn": StateLabel("none", "undo", "Withdrawn"),
    "stale": StateLabel("none", "sync_problem", "Out of date"),
}
OUTCOMES = {
    "same": StateLabel("none", "equal", "Same outcome"),
    "would_block": StateLabel("bad", "block", "Would block"),
    "would_pass": StateLabel("ok", "check_circle", "Would pass"),
    "unknown": StateLabel("wait", "help", "Cannot be judged"),
}
VERDICTS = {
    "approved": StateLabel("ok", "check_circle", "Would move"),
    "pending": StateLabel("wait", "pending", "Would wait"),
    "blocked": StateLabel("bad", "block", "Would be blocked"),
    "rejected": StateLabel("bad", "cancel", "Rejected"),
}
EFFECTS = {
    "tighter": StateLabel("info", "lock", "stricter"),
    "looser": StateLabel("wait", "lock_open", "looser"),
    "open": StateLabel("none", "edit", "changed"),
}
TIERS = {
    "": StateLabel("none", "help", "Risk not assessed"),
    "minimal": StateLabel("ok", "shield", "Minimal risk"),
    "limited": StateLabel("info", "shield", "Limited risk"),
    "high": StateLabel("wait", "gpp_maybe", "High risk"),
    "unacceptable": StateLabel("bad", "gpp_bad", "Unacceptable risk"),
}
FINDING_STATES = {
    "open": StateLabel("bad", "report", "Open"),
    "resolved": StateLabel("ok", "task_alt", "Resolved"),
    "accepted": StateLabel("info", "handshake", "Accepted"),
    "false_positive": StateLabel("none", "do_not_disturb_on", "False positive"),
}
SEVERITIES = {
    "low": StateLabel("none", "keyboard_arrow_down", "Low"),
    "medium": StateLabel("info", "drag_handle", "Medium"),
    "high": StateLabel("wait", "keyboard_arrow_up", "High"),
    "critical": StateLabel("bad", "keyboard_double_arrow_up", "Critical"),
}
TRACE_STATES = {
    "OK": StateLabel("ok", "check_circle", "OK"),
    "ERROR": StateLabel("bad", "error", "Failed"),
    "IN_PROGRESS": StateLabel("info", "pending", "In progress"),
    "STATE_UNSPECIFIED": StateLabel("none", "help", "Unknown"),
}
POST_REVIEW_OUTCOMES = {
    "justified": StateLabel("ok", "verified_user", "Justified"),
    "not_justified": StateLabel("bad", "gpp_bad", "Not justified"),
}
DELIVERY_STATES = {
    "pending": StateLabel("wait", "hourglass_top", "Pending"),
    "delivered": StateLabel("ok", "check", "Delivered"),
    "failed": StateLabel("bad", "close", "Failed"),
}
REQUEST_KINDS = {
    "promotion": StateLabel("none", "upgrade", "Promotion"),
    "rollback": StateLabel("info", "settings_backup_restore", "Rollback"),
    "break_glass": StateLabel("bad", "e911_emergency", "Emergency"),
}
_KINDS = {
    "notice": NOTICES,
    "stage": STAGES,
    "request": REQUEST_STATES,
    "rule": RULE_STATES,
    "check": CHECK_STATES,
    "export": EXPORT_STATES,
    "run": RUN_STATES,
    "decision": DECISIONS,
    "proposal": PROPOSAL_STATES,
    "outcome": OUTCOMES,
    "verdict": VERDICTS,
    "effect": EFFECTS,
    "finding": FINDING_STATES,
    "severity": SEVERITIES,
    "request_kind": REQUEST_KINDS,
    "trace": TRACE_STATES,
    "post_review": POST_REVIEW_OUTCOMES,
    "delivery": DELIVERY_STATES,
    "tier": TIERS,
}


def state_label(kind: str, value: str) -> StateLabel:
    """Return the label of a state; ``kind`` is the kind of the state, such as `stage`. An unknown value is grey."""
    if kind == "stage" and value.startswith("@"):
        return StateLabel("info", "alternate_email", value)
    if kind == "stage" and (alias := removed_alias(value)):
        return StateLabel("bad", "alternate_email", f"@{alias} removed")
    if kind == "stage" and (left_target := left_by(value)):
        return StateLabel("wait", "logout", f"Leaving {left_target}")
    if kind == "stage" and value == TRANSITIONS:
        return StateLabel("info", "schema", "Transitions")
    if kind == "stage" and value == REGISTRATION:
        return StateLabel("info", "how_to_reg", "Registration")
    return _KINDS[kind].get(value) or StateLabel("none", "help", value)
