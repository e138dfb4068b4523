"""Texts for rules, the people who may approve, and durations."""

from __future__ import annotations

from datetime import timedelta

from policies.rules import (
    ApprovalsRule,
    AttestedRule,
    BaseRule,
    CheckRule,
    EarlierApprovalRule,
    FindingsRule,
    FourEyesRule,
    FreezeRule,
    ReasonRule,
    Rule,
    SoakRule,
    TransitionsRule,
    UnusableRule,
)


def rule_title(rule: Rule) -> str:
    """Return a short sentence that is true when the rule is met."""
    match rule:
        case CheckRule():
            title = f"{rule.check} passes"
        case ApprovalsRule():
            title = f"{rule.count} of {voters_text(rule)} approve{'s' if rule.count == 1 else ''}"
        case FourEyesRule():
            title = f"Nobody decides on their own work ({', '.join(role.replace('_', ' ') for role in rule.roles)})"
        case SoakRule():
            title = f"It has been in {rule.stage} for {duration_text(rule.time)}"
        case FreezeRule():
            title = f"Not during {' or '.join(window.name for window in rule.windows)}"
        case FindingsRule():
            title = f"No open finding of severity {rule.severity.value} or worse"
        case EarlierApprovalRule() | AttestedRule() | ReasonRule() | TransitionsRule() | UnusableRule():
            title = _FIXED_TITLES[type(rule)]
    return title


_FIXED_TITLES: dict[type[BaseRule], str] = {
    EarlierApprovalRule: "It was at the target before, and that approval is still valid",
    AttestedRule: "The owner has attested the model in time",
    ReasonRule: "The request gives a reason",
    TransitionsRule: "The stages follow one another as the policy allows",
    UnusableRule: "The rule can be applied on this server",
}


def voters_text(rule: ApprovalsRule) -> str:
    """Return the groups, roles and owners whose approvals count, as text: ``reviewers or risk or its owners``."""
    roles = [f"those who may {role.replace('_', ' ')} the model" for role in rule.roles]
    owners = ["its owners"] if rule.owners else []
    return " or ".join([*rule.groups, *roles, *owners]) or "nobody"


def duration_text(time: timedelta) -> str:
    """Return a duration as text, rounded to minutes: ``14 days``, ``36 hours``, ``30 minutes``."""
    minutes = round(time.total_seconds() / 60)
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes >= size and minutes % size == 0 and not (unit == "day" and minutes == size):
            return f"{minutes // size} {unit}{'' if minutes == size else 's'}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
