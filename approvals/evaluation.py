"""One evaluator, one explanation: what stands between a version and a stage, as every door prints it.

Pure: no database, no clock, no settings. A snapshot goes in (approvals/snapshots.py builds it), a verdict comes out.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from approvals.rules import ApprovalsRule, CheckRule, FourEyesRule, Level, Rule, kind_of, title_of
from audit.errors import Blocker

log = logging.getLogger(__name__)


class RuleStatus(StrEnum):
    """What became of one rule."""

    PASSED = "passed"
    FAILED = "failed"
    PENDING = "pending"
    NOT_APPLICABLE = "not_applicable"


class VerdictState(StrEnum):
    """What all rules together say: `blocked` needs something mended, `pending` only waits."""

    APPROVED = "approved"
    BLOCKED = "blocked"
    PENDING = "pending"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class CheckFacts:
    """The validation job that counts for a rule: the one that read what is true now. ``since`` is its last change."""

    state: str
    summary: str
    since: datetime
    progress: int = 0
    check_run_id: int | None = None
    author: str = ""  # who posted the result of an external check


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """One review: who, of which groups, and the subject digest it covers. Only people ``can_decide``."""

    reviewer: str
    groups: frozenset[str]
    decision: str
    digest: str
    at: datetime
    can_decide: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that a verdict depends on. ``checks`` maps rule ids to the job that counts; ``people`` maps roles to usernames.

    ``people`` already holds the owners of service accounts beside the accounts.
    """

    rules: tuple[Rule, ...]
    checks: Mapping[str, CheckFacts]
    reviews: tuple[ReviewFacts, ...]
    people: Mapping[str, frozenset[str]]
    subject_digest: str
    opened_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule's answer: why, who can resolve it, since when."""

    rule: str
    kind: str
    level: Level
    status: RuleStatus
    title: str
    why: str
    who_can_resolve: str
    since: datetime | None = None
    check_run_id: int | None = None
    progress: int = 0

    @property
    def blocks(self) -> bool:
        """Return whether the version cannot pass because of this rule."""
        return self.level is Level.HARD and self.status in (RuleStatus.FAILED, RuleStatus.PENDING)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every rule's answer and what follows from them."""

    state: VerdictState
    rules: tuple[RuleVerdict, ...]
    subject_digest: str
    approvers: tuple[str, ...] = ()
    approved_at: datetime | None = None

    @property
    def is_approved(self) -> bool:
        return self.state is VerdictState.APPROVED

    def blocked_by(self) -> list[Blocker]:
        """Return what is missing, a line each, in the order of the policy."""
        return [
            Blocker(
                rule=row.rule,
                why=row.why,
                who_can_resolve=row.who_can_resolve,
                since=row.since.astimezone(UTC).isoformat().replace("+00:00", "Z") if row.since else "",
            )
            for row in self.rules
            if row.blocks
        ]


def evaluate(snapshot: Snapshot, at: datetime) -> Verdict:
    """Return the verdict at a moment. A rule that cannot be evaluated has failed; an expired request is blocked."""
    rows = tuple(_judge(rule, snapshot) for rule in snapshot.rules)
    if at >= snapshot.expires_at:
        rows = (*rows, _expired(snapshot))
    counted = _counted_by_all(snapshot)
    return Verdict(
        state=_state(rows, snapshot),
        rules=rows,
        subject_digest=snapshot.subject_digest,
        approvers=tuple(sorted({review.reviewer for review in counted})),
        approved_at=max((review.at for review in counted), default=None),
    )


def excluded_people(rules: tuple[Rule, ...], people: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """Return who may not decide, by username, with the role that keeps them out; raises KeyError for an unknown role.

    Whatever the rules say, nobody decides on their own request.
    """
    found = dict.fromkeys(sorted(people.get("requester", ())), "requester")
    for rule in rules:
        if isinstance(rule, FourEyesRule):
            for role in rule.roles:
                for name in sorted(people[role]):
                    found.setdefault(name, role)
    return found


def _state(rows: tuple[RuleVerdict, ...], snapshot: Snapshot) -> VerdictState:
    if any(_is_rejection(review, snapshot) for review in snapshot.reviews):
        return VerdictState.REJECTED
    blocking = [row for row in rows if row.blocks]
    if not blocking:
        return VerdictState.APPROVED
    if any(row.status is RuleStatus.FAILED for row in blocking):
        return VerdictState.BLOCKED
    return VerdictState.PENDING


def _is_rejection(review: ReviewFacts, snapshot: Snapshot) -> bool:
    return review.decision == "reject" and review.digest == snapshot.subject_digest


def _judge(rule: Rule, snapshot: Snapshot) -> RuleVerdict:
    try:
        if isinstance(rule, CheckRule):
            return _judge_check(rule, snapshot)
        if isinstance(rule, ApprovalsRule):
            return _judge_approvals(rule, snapshot)
        return _judge_four_eyes(rule, snapshot)
    except Exception:  # a rule that breaks refuses, whatever broke it
        log.exception("the rule %s could not be evaluated", rule.id)
        why = "This rule could not be evaluated, so it does not pass. The server's log says why."
        return _row(rule, RuleStatus.FAILED, why, "an operator of this server")


def _judge_check(rule: CheckRule, snapshot: Snapshot) -> RuleVerdict:
    facts = snapshot.checks.get(rule.id)
    if facts is None:
        why = "The check has not looked at the present state yet."
        return _row(rule, RuleStatus.PENDING, why, "a validation worker", since=snapshot.opened_at)
    status, who = _CHECK_ANSWERS[facts.state]
    why = facts.summary or _CHECK_WORDS[facts.state]
    if facts.state == "running" and facts.progress:
        why = f"The check is running ({facts.progress} %)."
    return _row(rule, status, why, who, since=facts.since, check_run_id=facts.check_run_id, progress=facts.progress)


_CHECK_ANSWERS = {
    "queued": (RuleStatus.PENDING, "a validation worker"),
    "running": (RuleStatus.PENDING, "a validation worker"),
    "waiting": (RuleStatus.PENDING, "whoever holds a key that the policy names, by posting the signed result"),
    "cancelled": (RuleStatus.FAILED, "anybody who may edit the model, by running the check again"),
    "passed": (RuleStatus.PASSED, ""),
    "failed": (RuleStatus.FAILED, "the author of the version"),
    "error": (RuleStatus.FAILED, "an operator of this server; asking again runs the check again"),
}
_CHECK_WORDS = {
    "queued": "The check waits for a worker.",
    "running": "The check is running.",
    "waiting": "The result has not been posted yet.",
    "cancelled": "The check was cancelled.",
    "passed": "The check passed.",
    "failed": "The check failed.",
    "error": "The check broke off.",
}


def _judge_approvals(rule: ApprovalsRule, snapshot: Snapshot) -> RuleVerdict:
    excluded = excluded_people(snapshot.rules, snapshot.people)
    names = sorted({review.reviewer for review in _counted(rule, snapshot, excluded)})
    said = f"{len(names)} of {rule.count} given ({', '.join(names)})" if names else f"none of {rule.count} given yet"
    if len(names) >= rule.count:
        return _row(rule, RuleStatus.PASSED, f"Approved by {', '.join(names)}.", "")
    void = sum(1 for review in snapshot.reviews if review.digest != snapshot.subject_digest)
    needs = f"needs {rule.count} approval{'s' if rule.count > 1 else ''} from {' or '.join(rule.groups)}, {said}"
    if void:
        needs += (
            f"; {void} review{'s' if void > 1 else ''} of an earlier state no longer count{'' if void > 1 else 's'}"
        )
    who = f"a member of {' or '.join(rule.groups)}"
    if excluded:
        who += f", but not {', '.join(sorted(excluded))}"
    return _row(rule, RuleStatus.PENDING, needs, who, since=snapshot.opened_at)


def _judge_four_eyes(rule: FourEyesRule, snapshot: Snapshot) -> RuleVerdict:
    """A constraint on who counts: reviews of the people it names are never counted, so by itself it blocks nothing."""
    excluded = excluded_people((rule,), snapshot.people)
    if not any(isinstance(other, ApprovalsRule) for other in snapshot.rules):
        return _row(rule, RuleStatus.NOT_APPLICABLE, "This policy asks for no approval.", "")
    kept_out = ", ".join(f"{name} ({role.replace('_', ' ')})" for name, role in sorted(excluded.items()))
    ignored = sorted({r.reviewer for r in snapshot.reviews if r.decision == "approve" and r.reviewer in excluded})
    why = f"May not decide: {kept_out or 'nobody is named'}."
    if ignored:
        why += f" Not counted: {', '.join(ignored)}."
    return _row(rule, RuleStatus.PASSED, why, "")


def _counted(rule: ApprovalsRule, snapshot: Snapshot, excluded: Mapping[str, str]) -> list[ReviewFacts]:
    """Return the approvals that count for a rule: of the present digest, by the right group, by nobody kept out."""
    return [
        review
        for review in snapshot.reviews
        if review.decision == "approve"
        and review.can_decide
        and review.digest == snapshot.subject_digest
        and review.reviewer not in excluded
        and not review.groups.isdisjoint(rule.groups)
    ]


def _counted_by_all(snapshot: Snapshot) -> list[ReviewFacts]:
    try:
        excluded = excluded_people(snapshot.rules, snapshot.people)
    except KeyError:
        return []  # the rule that names the unknown role has failed already
    rules = [rule for rule in snapshot.rules if isinstance(rule, ApprovalsRule)]
    return [review for rule in rules for review in _counted(rule, snapshot, excluded)]


def _expired(snapshot: Snapshot) -> RuleVerdict:
    why = "The request has expired."
    return RuleVerdict(
        rule="expiry",
        kind="expiry",
        level=Level.HARD,
        status=RuleStatus.FAILED,
        title="The request is still valid",
        why=why,
        who_can_resolve="anybody who may edit the model, by asking again",
        since=snapshot.expires_at,
    )


def _row(
    rule: Rule,
    status: RuleStatus,
    why: str,
    who: str,
    *,
    since: datetime | None = None,
    check_run_id: int | None = None,
    progress: int = 0,
) -> RuleVerdict:
    return RuleVerdict(
        rule=rule.id,
        kind=kind_of(rule),
        level=rule.level,
        status=status,
        title=title_of(rule),
        why=why,
        who_can_resolve=who,
        since=since,
        check_run_id=check_run_id,
        progress=progress,
    )
