"""The rules and options of a policy, as frozen values. No database here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from policies.windows import Window

# The parts of a subject that a policy may let change without voiding reviews. Files, target and rules are never among them.
CARRYABLE = ("card", "checks", "incumbent")


class RuleLevel(StrEnum):
    """What a rule does that is not met: a hard one blocks, a soft one blocks until overridden, an advisory one is shown."""

    HARD = "hard"
    SOFT = "soft"
    ADVISORY = "advisory"


class Severity(StrEnum):
    """How severe a finding is, from the mildest to the worst."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Condition:
    """When a rule applies: all of its parts must hold. A part that is empty or None always holds.

    ``tiers``: the model's risk tier is one of them. ``tags``: the model has these tags with these values. ``sources``:
    the version is in one of these stages. ``incumbent``: whether another version would be replaced.
    """

    tiers: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    incumbent: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRule:
    """The fields that every rule has. ``override_by`` are the groups whose members may override a soft rule."""

    id: str
    level: RuleLevel
    applies_if: Condition | None = None
    override_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRule(BaseRule):
    """A validation check must have passed with these parameters."""

    check: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Owners:
    """The people who own the models whose names match a pattern (fnmatch)."""

    models: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsRule(BaseRule):
    """``count`` people must approve, each of ``groups``, or holding one of ``roles`` on the model, or owning it.

    ``roles`` are permission levels (manage_staging, manage_production, manage). With ``distinct_groups`` each approval
    must come from another group. ``carry_over`` names the parts of the subject that may change without voiding a
    review.
    """

    count: int
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    owners: tuple[Owners, ...] = ()
    distinct_groups: bool = False
    carry_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FourEyesRule(BaseRule):
    """Nobody in one of ``roles`` counts as an approver."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakRule(BaseRule):
    """The version must have been in ``stage`` for ``time`` without a break."""

    stage: str
    time: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeRule(BaseRule):
    """No request is applied during these windows (UTC)."""

    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingsRule(BaseRule):
    """No finding of ``severity`` or worse is open on the version."""

    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierApprovalRule(BaseRule):
    """The version was at the target before, on an approval that is still valid, and left it at most ``within`` ago."""

    within: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableRule(BaseRule):
    """A published rule that this server cannot apply: it never passes.

    ``why`` says what is missing; ``written`` is the rule as it was published.
    """

    why: str
    written: Mapping[str, object] = field(default_factory=dict)


Rule = (
    CheckRule | ApprovalsRule | FourEyesRule | SoakRule | FreezeRule | FindingsRule | EarlierApprovalRule | UnusableRule
)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """How a version may be moved in an emergency, without the policy's own rules.

    Members of ``groups`` may ask for it; with ``second_person`` another member must approve. The move is reviewed
    within ``post_review_within`` afterwards.
    """

    groups: tuple[str, ...]
    second_person: bool
    post_review_within: timedelta


@dataclass(frozen=True, slots=True)
class ReReviewOption:
    """How often an approved version must be reviewed again, and what follows when that is overdue: warn, flag or block."""

    every: timedelta
    when_due: str = "warn"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a policy.

    A request expires ``expires_after`` it was opened. A version that it supersedes in Production stays there for
    ``rollback_window``. An approved request is applied ``apply_delay`` after its approval. Reviewers are reminded every
    ``remind_every`` (None: never). A rollback needs ``rollback_approvals`` and a version that left within
    ``rollback_within`` (None: at any time). Without ``break_glass`` the policy does not allow break-glass.
    """

    expires_after: timedelta = timedelta(days=14)
    rollback_window: timedelta = timedelta(hours=24)
    apply_delay: timedelta = timedelta(0)
    remind_every: timedelta | None = None
    e_signature: bool = False
    re_review: ReReviewOption | None = None
    break_glass: BreakGlass | None = None
    rollback_within: timedelta | None = timedelta(days=30)
    rollback_approvals: ApprovalsRule | None = None


@dataclass(frozen=True, slots=True)
class PolicyBody:
    """A parsed policy. It governs moves to ``target`` (a stage or an @alias) of the models in its scope.

    In scope is a model whose name matches ``models`` (fnmatch, case counts), that has all ``tags``, and whose risk tier
    is one of ``tiers`` (empty: any).
    """

    name: str
    target: str
    models: str
    rules: tuple[Rule, ...]
    options: Options = Options()
    tags: Mapping[str, str] = field(default_factory=dict)
    tiers: tuple[str, ...] = ()


_KINDS: dict[type[BaseRule], str] = {
    CheckRule: "check",
    ApprovalsRule: "approvals",
    FourEyesRule: "four_eyes",
    SoakRule: "soak",
    FreezeRule: "not_during",
    FindingsRule: "no_findings",
    EarlierApprovalRule: "earlier_approval",
    UnusableRule: "unusable",
}
# Rules that resolve automatically with time: they make an approved request wait, and never void its approval.
WAITING_KINDS = frozenset({"soak", "not_during"})


def kind_of(rule: Rule) -> str:
    """Return the kind of a rule, as policies write it."""
    return _KINDS[type(rule)]


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
        case EarlierApprovalRule() | UnusableRule():
            title = _FIXED_TITLES[type(rule)]
    return title


_FIXED_TITLES: dict[type[BaseRule], str] = {
    EarlierApprovalRule: "It was there before, and that approval is still valid",
    UnusableRule: "The rule can be applied on this server",
}


def voters_text(rule: ApprovalsRule) -> str:
    """Return who may give the approvals of a rule: ``reviewers or risk or its owners``."""
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


def severities_from(least: Severity) -> tuple[Severity, ...]:
    """Return this severity and the worse ones."""
    return SEVERITIES[SEVERITIES.index(least) :]
