"""The outcome of each kind of rule on a snapshot: passed, failed, pending or not applicable, with the reason.

Pure functions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from approvals.verdict.facts import Snapshot
from approvals.verdict.votes import counting_approvals, covers, excluded_reviewers, latest_reviews, role_text
from policies.rule_texts import duration_text, voters_text
from policies.rules import (
    ApprovalsRule,
    AttestedRule,
    CheckRule,
    Condition,
    EarlierApprovalRule,
    FindingsRule,
    FourEyesRule,
    FreezeRule,
    ReasonRule,
    Rule,
    SoakRule,
    TransitionsRule,
    UnusableRule,
    severities_from,
)

RESOLVES_AUTOMATICALLY = "no action needed: it resolves automatically"

_ENDED = "; one that was ended in the last 7 days, or by the requester, counts"


class RuleStatus(StrEnum):
    """The status of a rule."""

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"
    OVERRIDDEN = "overridden"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The outcome of a rule before overrides: the reason, who can resolve it, since when, and its check run if any."""

    status: RuleStatus
    why: str
    who_can_resolve: str = ""
    since: datetime | None = None
    check_run_id: int | None = None
    progress: int = 0


def rule_outcome(rule: Rule, snapshot: Snapshot, at: datetime) -> RuleOutcome:
    """Return the outcome of a rule at ``at``.

    Raises KeyError for a role or check state that this server does not know.
    """
    if rule.applies_if is not None and (why := _why_not_applicable(rule.applies_if, snapshot)):
        return RuleOutcome(RuleStatus.NOT_APPLICABLE, why)
    return _OUTCOME_BY_RULE[type(rule)](rule, snapshot, at)


def applies(rule: Rule, snapshot: Snapshot) -> bool:
    """Return whether a rule applies to the model and version of a snapshot."""
    return rule.applies_if is None or not _why_not_applicable(rule.applies_if, snapshot)


def _why_not_applicable(condition: Condition, snapshot: Snapshot) -> str:
    """Return the reason why a rule does not apply, "" if it applies."""
    if condition.tiers and snapshot.tier not in condition.tiers:
        return f"Applies to risk tier {' or '.join(condition.tiers)}; the tier of this model is {snapshot.tier}."
    for key, value in condition.tags.items():
        if snapshot.model_tags.get(key) != value:
            return f"Applies to models tagged {key}={value}."
    if condition.sources and snapshot.source not in condition.sources:
        return f"Applies to versions in {' or '.join(condition.sources)}; this one is in {snapshot.source}."
    if condition.incumbent is not None and condition.incumbent != snapshot.has_incumbent:
        return f"Applies only when {'another' if condition.incumbent else 'no other'} version would be replaced."
    if condition.deployed is not None and condition.deployed != snapshot.deployed:
        return f"Applies only when {'a' if condition.deployed else 'no'} deployment serves the version{_ENDED}."
    return ""


def _check_outcome(rule: CheckRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    facts = snapshot.checks.get(rule.id)
    if facts is None:
        why = "The check has not run on the current state yet."
        return RuleOutcome(RuleStatus.PENDING, why, "a validation worker", snapshot.opened_at)
    status, who, text = _OUTCOME_BY_CHECK_STATE[facts.state]
    why = facts.summary or text
    if facts.state == "running" and facts.progress:
        why = f"The check is running ({facts.progress} %)."
    return RuleOutcome(status, why, who, facts.since, facts.check_run_id, facts.progress)


_OUTCOME_BY_CHECK_STATE = {
    "queued": (RuleStatus.PENDING, "a validation worker", "The check waits for a worker."),
    "running": (RuleStatus.PENDING, "a validation worker", "The check is running."),
    "waiting": (
        RuleStatus.PENDING,
        "whoever holds a key that the policy names, by posting the signed result",
        "The result has not been posted yet.",
    ),
    "cancelled": (
        RuleStatus.FAILED,
        "anybody who may edit the model, by running the check again",
        "The check was cancelled.",
    ),
    "passed": (RuleStatus.PASSED, "", "The check passed."),
    "failed": (RuleStatus.FAILED, "the author of the version", "The check failed."),
    "error": (
        RuleStatus.FAILED,
        "anybody who may edit the model, by running the check again; or an operator of this server",
        "The check did not complete.",
    ),
}


def _approvals_outcome(rule: ApprovalsRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    excluded = excluded_reviewers(snapshot)
    names = sorted({review.reviewer for review in counting_approvals(rule, snapshot, excluded)})
    approvals_text = (
        f"{len(names)} of {rule.count} given ({', '.join(names)})" if names else f"none of {rule.count} given yet"
    )
    if len(names) >= rule.count:
        return RuleOutcome(RuleStatus.PASSED, f"Approved by {', '.join(names)}.")
    distinct = ", each of another group" if rule.distinct_groups else ""
    needs = f"needs {rule.count} approval{'s' if rule.count > 1 else ''} from {voters_text(rule)}{distinct}, {approvals_text}"
    void = sum(1 for review in snapshot.reviews if not covers(review, snapshot, rule.carry_over))
    if void:
        many = void > 1
        needs += f"; {void} review{'s' * many} of an earlier state no longer count{'' if many else 's'}"
    needs += "".join(
        f"; not counted: {text}"
        for text in sorted(
            {row.account_doubt for row in snapshot.reviews if row.account_doubt and row.decision == "approve"}
        )
    )
    unsigned = sorted(
        row.reviewer
        for row in latest_reviews(snapshot.reviews, snapshot, rule.carry_over)
        if row.decision == "approve" and snapshot.needs_passkey and not row.by_passkey
    )
    if unsigned:
        needs += f"; not counted because no passkey signed it: the approval of {', '.join(unsigned)}"
    who = f"a member of {voters_text(rule)}" if rule.groups else voters_text(rule)
    if snapshot.needs_passkey:
        who += ", who signs with a passkey"
    if excluded:
        who += f", but not {', '.join(sorted(excluded))}"
    return RuleOutcome(RuleStatus.PENDING, needs, who, snapshot.opened_at)


def _four_eyes_outcome(rule: FourEyesRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    """Return passed, or not applicable without a rule on approvals, with the people whose reviews are not counted.

    The rule itself never blocks.
    """
    excluded = excluded_reviewers(replace(snapshot, rules=(rule,)))
    if not any(isinstance(other, ApprovalsRule) for other in snapshot.rules):
        return RuleOutcome(RuleStatus.NOT_APPLICABLE, "This policy asks for no approval.")
    names = ", ".join(f"{name} ({role_text(role)})" for name, role in sorted(excluded.items()))
    ignored = sorted(
        {row.reviewer for row in snapshot.reviews if row.decision == "approve" and row.reviewer in excluded}
    )
    why = f"May not decide: {names}." if names else "It excludes nobody."
    if ignored:
        why += f" Not counted: {', '.join(ignored)}."
    return RuleOutcome(RuleStatus.PASSED, why)


def _soak_outcome(rule: SoakRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:
    since = snapshot.staged_since.get(rule.stage)
    if since is None:
        why = f"It must be in {rule.stage} for {duration_text(rule.time)} first; it is in {snapshot.source or 'no stage'}."
        return RuleOutcome(RuleStatus.FAILED, why, f"anybody who may edit the model, by moving it to {rule.stage}")
    end = since + rule.time
    if at >= end:
        return RuleOutcome(RuleStatus.PASSED, f"In {rule.stage} since {_when(since)}.", since=since)
    why = f"In {rule.stage} since {_when(since)}; the {duration_text(rule.time)} end at {_when(end)}."
    return RuleOutcome(RuleStatus.PENDING, why, RESOLVES_AUTOMATICALLY, since)


def _freeze_outcome(rule: FreezeRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    open_now = [(until, window.name) for window in rule.windows if (until := window.until(at))]
    if not open_now:
        return RuleOutcome(RuleStatus.PASSED, "No freeze window is open.")
    until, name = max(open_now)
    return RuleOutcome(RuleStatus.PENDING, f"Frozen: {name}, until {_when(until)}.", RESOLVES_AUTOMATICALLY)


def _findings_outcome(rule: FindingsRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    severities = severities_from(rule.severity)
    open_findings = sorted(
        (row for row in snapshot.findings if row.severity in severities), key=lambda row: row.finding_id
    )
    if not open_findings:
        return RuleOutcome(RuleStatus.PASSED, f"No open finding of severity {rule.severity.value} or worse.")
    lines = "; ".join(f"#{row.finding_id} {row.title} ({row.severity.value})" for row in open_findings[:5])
    more = f" and {len(open_findings) - 5} more" if len(open_findings) > 5 else ""  # noqa: PLR2004 - a line holds no more
    owners = ", ".join(sorted({row.owner for row in open_findings if row.owner}))
    who = owners or "whoever manages the model, by resolving the finding"
    return RuleOutcome(
        RuleStatus.FAILED, f"Open findings: {lines}{more}.", who, min(row.since for row in open_findings)
    )


def _earlier_approval_outcome(rule: EarlierApprovalRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:
    left = snapshot.left_target_at
    if left is None:
        why = "This version was not at the target before, on an approval that is still valid. Ask for a promotion instead."
        return RuleOutcome(RuleStatus.FAILED, why, "anybody who may edit the model, by asking for a promotion")
    if snapshot.earlier_obstacle:
        why = f"It was at the target before, but that approval is no longer valid. {snapshot.earlier_obstacle}"
        return RuleOutcome(RuleStatus.FAILED, why, "anybody who may edit the model, by asking for a promotion", left)
    if rule.within is not None and at > left + rule.within:
        why = f"It left the target at {_when(left)}, more than {duration_text(rule.within)} ago. Ask for a promotion instead."
        return RuleOutcome(RuleStatus.FAILED, why, "anybody who may edit the model, by asking for a promotion", left)
    return RuleOutcome(RuleStatus.PASSED, f"Approved before. It left the target at {_when(left)}.", since=left)


def _attested_outcome(rule: AttestedRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:
    attested_at = snapshot.attested_at
    if attested_at is not None and at <= attested_at + rule.within:
        return RuleOutcome(
            RuleStatus.PASSED, f"The owner attested the model on {_when(attested_at)}.", since=attested_at
        )
    why = (
        f"The owner has not attested the model since {_when(attested_at)}."
        if attested_at
        else "Nobody has attested the model yet."
    )
    return RuleOutcome(RuleStatus.FAILED, why, "the owner of the model, on the model's page", attested_at)


def _reason_outcome(rule: ReasonRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    if snapshot.reason.strip():
        return RuleOutcome(RuleStatus.PASSED, "The request gives a reason.")
    who = "anybody who may ask for this move, by giving the reason on the request's page"
    return RuleOutcome(RuleStatus.FAILED, "The request gives no reason.", who, snapshot.opened_at)


def _transitions_outcome(rule: TransitionsRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    return RuleOutcome(RuleStatus.NOT_APPLICABLE, "Applied to every move, before a request is opened.")


def _unusable_outcome(rule: UnusableRule, snapshot: Snapshot, at: datetime) -> RuleOutcome:  # noqa: ARG001 - one signature
    why = f"This server cannot apply the rule: {rule.why}."
    who = (
        "policy editors, by publishing a revision without it (then ask again), "
        "or an operator of this server, by installing what is missing"
    )
    return RuleOutcome(RuleStatus.FAILED, why, who)


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


_OUTCOME_BY_RULE: dict[type[object], Callable[..., RuleOutcome]] = {
    CheckRule: _check_outcome,
    ApprovalsRule: _approvals_outcome,
    FourEyesRule: _four_eyes_outcome,
    SoakRule: _soak_outcome,
    FreezeRule: _freeze_outcome,
    FindingsRule: _findings_outcome,
    EarlierApprovalRule: _earlier_approval_outcome,
    AttestedRule: _attested_outcome,
    ReasonRule: _reason_outcome,
    TransitionsRule: _transitions_outcome,
    UnusableRule: _unusable_outcome,
}
