"""Evaluation of a snapshot. The verdict says for each rule whether it is met, why, and who can resolve it.

Pure functions: no database, no clock, no settings. approvals/case/snapshots.py builds the snapshot. Pages, APIs and
MLflow errors print the verdict.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from approvals.verdict import votes
from approvals.verdict.facts import OverrideFacts, RejectionFacts, ReviewFacts, Snapshot
from approvals.verdict.rule_outcomes import RuleOutcome, RuleStatus, rule_outcome
from core.errors import Blocker
from core.times import iso_utc
from policies.rule_texts import rule_title
from policies.rules import WAITING_KINDS, ApprovalsRule, Rule, RuleLevel, kind_of

log = logging.getLogger(__name__)
_NOT_MET = (RuleStatus.FAILED, RuleStatus.PENDING)


class VerdictState(StrEnum):
    """The state of all rules together.

    `approved`: no rule blocks. `blocked`: a rule has failed. `pending`: none has failed, and a rule waits for people,
    workers or time. `rejected`: a reviewer rejected the present state.
    """

    APPROVED = "approved"
    BLOCKED = "blocked"
    PENDING = "pending"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """The verdict on one rule. ``override_by`` are the groups that may override it, empty unless the rule is soft."""

    rule: str
    kind: str
    level: RuleLevel
    status: RuleStatus
    title: str
    why: str
    who_can_resolve: str
    since: datetime | None = None
    check_run_id: int | None = None
    progress: int = 0
    override_by: tuple[str, ...] = ()

    @property
    def blocks(self) -> bool:
        """Return whether this rule prevents the approval of the request."""
        return self.level is not RuleLevel.ADVISORY and self.status in _NOT_MET

    @property
    def resolves_with_time(self) -> bool:
        """Return whether the rule is pending and resolves automatically with time."""
        return self.kind in WAITING_KINDS and self.status is RuleStatus.PENDING


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdicts on all rules, and their state together.

    ``approvers`` are the usernames of the people whose approvals count, sorted; ``approved_at`` is when the last of
    them approved, None without one.
    """

    state: VerdictState
    rules: tuple[RuleVerdict, ...]
    subject_digest: str
    approvers: tuple[str, ...] = ()
    approved_at: datetime | None = None

    @property
    def is_approved(self) -> bool:
        """Return whether no rule blocks."""
        return self.state is VerdictState.APPROVED

    @property
    def resolves_with_time(self) -> bool:
        """Return whether every blocking rule resolves automatically with time, so that an approval stays valid."""
        blocking = [row for row in self.rules if row.blocks]
        return self.state is VerdictState.PENDING and all(row.resolves_with_time for row in blocking)

    def blocked_by(self) -> list[Blocker]:
        """Return a blocker for each rule that blocks, in the order of the policy."""
        return [
            Blocker(
                rule=row.rule,
                why=row.why,
                who_can_resolve=row.who_can_resolve,
                since=iso_utc(row.since) if row.since else "",
            )
            for row in self.rules
            if row.blocks
        ]


def evaluate(snapshot: Snapshot, at: datetime) -> Verdict:
    """Return the verdict at ``at``.

    Besides the rules of the policy, these block: a reviewer who asks for changes, the expiry of the request, an overdue
    re-review, and an overdue condition of an earlier approval. Earlier rejections of the same files are shown and do
    not block.
    """
    rows = tuple(evaluate_rule(rule, snapshot, at) for rule in snapshot.rules)
    if (changes := _requested_changes(snapshot)) is not None:
        rows = (*rows, changes)
    if at >= snapshot.expires_at:
        rows = (*rows, _expiry_verdict(snapshot))
    if snapshot.review_due_at is not None and at >= snapshot.review_due_at:
        rows = (*rows, _re_review_verdict(snapshot.review_due_at))
    rows = (*rows, *_condition_verdicts(snapshot, at))
    if snapshot.rejections:
        rows = (*rows, _rejection_verdict(snapshot.rejections))
    counting = _counting_approvals(snapshot)
    return Verdict(
        state=_state(rows, snapshot),
        rules=rows,
        subject_digest=snapshot.subject_digest,
        approvers=tuple(sorted({review.reviewer for review in counting})),
        approved_at=max((review.at for review in counting), default=None),
    )


def _state(rows: tuple[RuleVerdict, ...], snapshot: Snapshot) -> VerdictState:
    if any(review.decision == "reject" and review.digest == snapshot.subject_digest for review in snapshot.reviews):
        return VerdictState.REJECTED
    blocking = [row for row in rows if row.blocks]
    if not blocking:
        return VerdictState.APPROVED
    if any(row.status is RuleStatus.FAILED for row in blocking):
        return VerdictState.BLOCKED
    return VerdictState.PENDING


def evaluate_rule(rule: Rule, snapshot: Snapshot, at: datetime) -> RuleVerdict:
    """Return the verdict on one rule at ``at``, with overrides applied.

    A rule that cannot be evaluated counts as failed, and the exception is logged.
    """
    try:
        outcome = rule_outcome(rule, snapshot, at)
        override = _counting_override(rule, snapshot, at) if outcome.status in _NOT_MET else None
    except Exception:  # any exception: a rule that cannot be evaluated must not pass
        log.exception("the rule %s could not be evaluated", rule.id)
        why = "This rule could not be evaluated, so it does not pass. The server's log says why."
        return _rule_verdict(rule, RuleOutcome(RuleStatus.FAILED, why, "an operator of this server"))
    if override is not None:
        why = f"Overridden by {override.by}: {override.reason} (Without the override: {outcome.why})"
        return _rule_verdict(rule, RuleOutcome(RuleStatus.OVERRIDDEN, why, "", override.at, outcome.check_run_id))
    return _rule_verdict(rule, outcome)


def _counting_override(rule: Rule, snapshot: Snapshot, at: datetime) -> OverrideFacts | None:
    """Return the earliest override that counts for a soft rule at ``at``; None without one.

    An override counts if it covers the present subject digest, a member of the rule's groups who is not excluded gave
    it, it is signed as the policy asks, and nobody has withdrawn it.
    """
    if rule.level is not RuleLevel.SOFT:
        return None
    excluded = votes.excluded_people(snapshot.rules, snapshot.people)
    counting = [
        row
        for row in snapshot.overrides
        if row.rule == rule.id
        and row.digest == snapshot.subject_digest
        and row.can_decide
        and row.by not in excluded
        and (row.withdrawn_at is None or row.withdrawn_at > at)
        and not votes.lacks_signature(row, snapshot)
        and not row.groups.isdisjoint(rule.override_by)
    ]
    return min(counting, key=lambda row: (row.at, row.by, row.reason), default=None)


def _requested_changes(snapshot: Snapshot) -> RuleVerdict | None:
    """Return a verdict that blocks if the latest review of a reviewer asks for changes; None otherwise.

    Such a review still applies if only the version that would be replaced has changed since.
    """
    last = votes.latest_reviews(snapshot.reviews, snapshot, ("incumbent",))
    asking = [row for row in last if row.decision == "request_changes"]
    if not asking:
        return None
    names = ", ".join(sorted(row.reviewer for row in asking))
    return RuleVerdict(
        rule="changes",
        kind="changes",
        level=RuleLevel.HARD,
        status=RuleStatus.FAILED,
        title="No reviewer asks for changes",
        why=f"{names} asked for changes.",
        who_can_resolve=f"the author of the version, by changing it; or {names}, by deciding again",
        since=min(row.at for row in asking),
    )


def _counting_approvals(snapshot: Snapshot) -> list[ReviewFacts]:
    """Return the approvals that count, once for each rule for which they count."""
    try:
        excluded = votes.excluded_reviewers(snapshot)
    except KeyError:
        return []  # a rule names an unknown role, and that rule has failed
    rules = [rule for rule in snapshot.rules if isinstance(rule, ApprovalsRule)]
    return [review for rule in rules for review in votes.counting_approvals(rule, snapshot, excluded)]


def _expiry_verdict(snapshot: Snapshot) -> RuleVerdict:
    return RuleVerdict(
        rule="expiry",
        kind="expiry",
        level=RuleLevel.HARD,
        status=RuleStatus.FAILED,
        title="The request is still valid",
        why="The request has expired.",
        who_can_resolve="everybody who may edit the model, by opening a new request",
        since=snapshot.expires_at,
    )


def _re_review_verdict(since: datetime) -> RuleVerdict:
    return RuleVerdict(
        rule="re-review",
        kind="re_review",
        level=RuleLevel.HARD,
        status=RuleStatus.FAILED,
        title="The re-review of the version is not overdue",
        why=f"The re-review of the version has been overdue since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
        who_can_resolve="a reviewer, by confirming the version",
        since=since,
    )


def _condition_verdicts(snapshot: Snapshot, at: datetime) -> list[RuleVerdict]:
    """Return a verdict for each condition of an earlier approval that is overdue."""
    due = [row for row in snapshot.findings if row.blocks_from is not None and at >= row.blocks_from]
    return [
        RuleVerdict(
            rule=f"condition-{row.finding_id}",
            kind="condition",
            level=RuleLevel.HARD,
            status=RuleStatus.FAILED,
            title="No condition of an approval is overdue",
            why=f"The condition of an approval is overdue: {row.title} (finding #{row.finding_id}).",
            who_can_resolve=row.owner,
            since=row.blocks_from,
        )
        for row in sorted(due, key=lambda row: row.finding_id)
    ]


def _rejection_verdict(rejections: Sequence[RejectionFacts]) -> RuleVerdict:
    """Return an advisory verdict on earlier rejections of the same files, with the details of the newest."""
    last = max(rejections, key=lambda row: (row.at, row.request_id))
    more = f" {len(rejections) - 1} earlier rejections are listed with it." if len(rejections) > 1 else ""
    why = f": {last.why}" if last.why else "."
    return RuleVerdict(
        rule="earlier-rejection",
        kind="earlier_rejection",
        level=RuleLevel.ADVISORY,
        status=RuleStatus.FAILED,
        title="No reviewer rejected these files before",
        why=f"{last.by} rejected {last.subject} on {last.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        f" (request #{last.request_id}, {last.path}){why}{more}",
        who_can_resolve="a reviewer, by taking the earlier decision into account",
        since=last.at,
    )


def _rule_verdict(rule: Rule, outcome: RuleOutcome) -> RuleVerdict:
    who = outcome.who_can_resolve
    if rule.level is RuleLevel.SOFT and outcome.status in _NOT_MET:
        who = f"{who}; or {' or '.join(rule.override_by)}, by overriding it with a reason".removeprefix("; or ")
    return RuleVerdict(
        rule=rule.id,
        kind=kind_of(rule),
        level=rule.level,
        status=outcome.status,
        title=rule_title(rule),
        why=outcome.why,
        who_can_resolve=who,
        since=outcome.since,
        check_run_id=outcome.check_run_id,
        progress=outcome.progress,
        override_by=rule.override_by if rule.level is RuleLevel.SOFT else (),
    )
