"""The rules and options of a policy, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from policies.windows import Window

# The parts of a subject that a policy may let change without voiding reviews. Files, target and rules never may.
CARRYABLE = ("card", "checks", "incumbent")
# The values of the option `signed_by`, the weaker one first: a passkey of the person, and one that stays on one device.
DEVICE_PASSKEY = "device_passkey"
SIGNERS = ("passkey", DEVICE_PASSKEY)


class RuleLevel(StrEnum):
    """The effect of a rule that is not met: a hard rule blocks, a soft rule blocks until it is overridden, an advisory
    rule is only shown.
    """

    HARD = "hard"
    SOFT = "soft"
    ADVISORY = "advisory"


class Severity(StrEnum):
    """The severity of a finding, from the mildest to the worst."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition under which a rule applies. All its parts must be true; a part that is empty or None is ignored.

    ``tiers``: the model's risk tier is one of them. ``tags``: the model has these tags with these values. ``sources``:
    the version is in one of these stages. ``incumbent``: whether another version would be replaced. ``deployed``:
    whether a deployment serves the version that is live, or that was ended lately or by the requester.
    """

    tiers: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    incumbent: bool | None = None
    deployed: bool | None = None


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
    """``count`` people must approve. Each must be in one of ``groups``, have one of ``roles``, or be an owner.

    ``roles`` are permission levels on the model (manage_staging, manage_production, manage). With ``distinct_groups``
    each approval must come from another group. ``carry_over`` are the parts of the subject that may change without
    voiding a review.
    """

    count: int
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    owners: tuple[Owners, ...] = ()
    distinct_groups: bool = False
    carry_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FourEyesRule(BaseRule):
    """Approvals by people in one of ``roles`` do not count."""

    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoakRule(BaseRule):
    """The version must have been in ``stage`` for ``time`` without interruption."""

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
class ReasonRule(BaseRule):
    """The request must have a reason, which is its comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestedRule(BaseRule):
    """The owner must have attested the model at most ``within`` ago."""

    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class TransitionsRule(BaseRule):
    """The stages to which a version may move from each stage. A version may always stay in its stage."""

    allowed: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableRule(BaseRule):
    """A published rule that this server cannot apply. It never passes.

    ``why`` says what is missing; ``written`` is the rule as in the published body.
    """

    why: str
    written: Mapping[str, object] = field(default_factory=dict)


Rule = (
    CheckRule
    | ApprovalsRule
    | FourEyesRule
    | SoakRule
    | FreezeRule
    | FindingsRule
    | EarlierApprovalRule
    | AttestedRule
    | ReasonRule
    | TransitionsRule
    | UnusableRule
)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """The break-glass option: in an emergency a version may be moved without the policy's own rules.

    Members of ``groups`` may request it; with ``second_person`` another member must approve. A post-review is due
    ``post_review_within`` after the move.
    """

    groups: tuple[str, ...]
    second_person: bool
    post_review_within: timedelta


@dataclass(frozen=True, slots=True)
class ReReviewOption:
    """The re-review option: the interval between reviews of a version.

    ``when_due`` is the consequence of an overdue re-review: warn, flag or block.
    """

    every: timedelta
    when_due: str = "warn"


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a policy.

    ``expires_after`` is the time from opening a request to its expiry. ``rollback_window`` is how long a superseded
    version stays in Production. An approved request is applied ``apply_delay`` after its approval. Reviewers are
    reminded every ``remind_every`` (None: never). An approval does not count if somebody involved created or changed
    the approver's account within ``new_account_window`` before it.

    A rollback needs ``rollback_approvals``, and a version that left the target at most ``rollback_within`` ago (None:
    at any time). ``full_validation`` are the ids of rules; a promotion is a full validation if all of them pass.
    Without ``break_glass`` the policy does not allow break-glass. ``signed_by`` is one of SIGNERS where approvals,
    overrides and requests for break-glass need the signature of a passkey, None otherwise.
    """

    expires_after: timedelta = timedelta(days=14)
    rollback_window: timedelta = timedelta(hours=24)
    apply_delay: timedelta = timedelta(0)
    remind_every: timedelta | None = None
    new_account_window: timedelta = timedelta(days=7)
    e_signature: bool = False
    signed_by: str | None = None
    re_review: ReReviewOption | None = None
    break_glass: BreakGlass | None = None
    rollback_within: timedelta | None = timedelta(days=30)
    rollback_approvals: ApprovalsRule | None = None
    full_validation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyBody:
    """A parsed policy. It governs moves of the models in its scope to ``target`` (a stage or an @alias).

    A policy with a target such as `leaves Production` governs moves by which a version leaves that stage or alias
    without a successor. The other targets are in policies/targets.py.

    A model is in scope if its name matches ``models`` (fnmatch, case counts), it has all ``tags``, and its risk tier is
    one of ``tiers`` (empty: any).
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
    AttestedRule: "attested",
    ReasonRule: "reason",
    TransitionsRule: "transitions",
    UnusableRule: "unusable",
}
# Kinds of rules that resolve automatically with time. They delay an approved request, and never void its approval.
WAITING_KINDS = frozenset({"soak", "not_during"})


def kind_of(rule: Rule) -> str:
    """Return the kind of a rule: its key in a policy, or `earlier_approval` or `unusable`."""
    return _KINDS[type(rule)]


def severities_from(lowest: Severity) -> tuple[Severity, ...]:
    """Return this severity and all higher ones, the lowest first."""
    return SEVERITIES[SEVERITIES.index(lowest) :]
