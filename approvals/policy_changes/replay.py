"""Replay: what a policy would have decided on past requests, by the same evaluator over the facts of that time.

Facts of that time are reviews and overrides until the request was closed, the results of its own checks, open findings,
and the stages of versions (from the audit events). Facts of today are listed in `TODAY`: no row records what they were.
Where a request never ran a check with these parameters the outcome is unknown, unless another rule decides it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.utils import timezone

from approvals.case.check_facts import check_authors, check_facts, check_runs_of
from approvals.case.earlier_approvals import earlier_approvals
from approvals.case.incumbents import Move
from approvals.case.re_review_dates import blocked_since
from approvals.case.rejections import rejections_by_request
from approvals.case.request_rules import rules_at_close
from approvals.case.review_facts import overrides_by_request, reviews_by_request
from approvals.case.snapshots import Position, RequestFacts, build_snapshot, replaces_another
from approvals.case.subjects import facts_of_model, load_subjects, people_by_role
from approvals.models import CheckRun, CheckState, RequestState, TransitionRequest
from approvals.policy_changes.past_findings import past_findings
from approvals.policy_changes.past_stages import stage_moves, stages_before
from approvals.requests.queries import visible_requests
from approvals.verdict.evaluation import RuleVerdict, Verdict, evaluate
from approvals.verdict.facts import OverrideFacts, RejectionFacts, ReviewFacts, Snapshot
from approvals.verdict.rule_outcomes import RuleStatus
from core.actors import Actor
from policies.drafts import load_draft, policies_with
from policies.matching import LoadedPolicy, in_scope
from policies.request_kinds import RequestKind, rules_for
from policies.rules import CheckRule, Rule
from policies.targets import exits_of, is_alias
from validation.base import Subject

MAX_CHUNK = 100
MAX_REQUESTS = 500
TODAY = (
    "the groups and permission levels of reviewers",
    "the tags and risk tier of models, and who owns them",
    "who edited the model card",
    "what an alias pointed to",
)
Dated = TypeVar("Dated", ReviewFacts, OverrideFacts, RejectionFacts)
_WITH_RESULT = (CheckState.PASSED, CheckState.FAILED, CheckState.ERROR)
_PASSED = (RequestState.APPLIED, RequestState.APPROVED)
_NO_RESULT = "The request never ran this check with these parameters, so its result is unknown."


class Outcome(StrEnum):
    """Difference between the verdict of a draft and what happened."""

    SAME = "same"
    WOULD_BLOCK = "would_block"
    WOULD_PASS = "would_pass"  # noqa: S105 - a word, not a secret
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """One request with the draft's verdict when it was closed (now, where it is open).

    ``differing`` are the rules that make the difference.
    """

    request: TransitionRequest
    verdict: Verdict
    outcome: Outcome
    differing: tuple[RuleVerdict, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Replayed requests, newest first.

    ``examined`` is how many were read for this part, ``candidates`` how many there are. ``next_before`` is the
    ``before`` of the next part, None at the end.
    """

    rows: tuple[ReplayedRequest, ...]
    examined: int
    candidates: int
    next_before: int | None

    @property
    def totals(self) -> dict[str, int]:
        """Return the number of requests of each outcome."""
        counts = Counter(row.outcome.value for row in self.rows)
        return {outcome.value: counts[outcome.value] for outcome in Outcome}


def replay(*, actor: Actor, body: Mapping[str, object], limit: int = 50, before: int | None = None) -> Replay:
    """Return the decisions of a body on the newest ``limit`` past requests for its target below the id
    ``before``.

    Left out are requests the actor may not see, and models that are outside the draft's scope today. A fixed number
    of queries. Raises InvalidInput with one line for each problem of the body, TooLarge.
    """
    draft = load_draft(body)
    limit = max(1, min(limit, MAX_CHUNK))
    visible = visible_requests(actor).filter(target__in=exits_of(draft.body.target))
    candidates = min(visible.count(), MAX_REQUESTS)
    if before is not None:
        visible = visible.filter(pk__lt=before)
    requests = list(visible.select_related("followed_revision__policy")[: limit + 1])
    more, requests = len(requests) > limit, requests[:limit]
    return Replay(
        rows=tuple(_replay_all(draft, requests)),
        examined=len(requests),
        candidates=candidates,
        next_before=requests[-1].pk if more else None,
    )


def _replay_all(draft: LoadedPolicy, requests: Sequence[TransitionRequest]) -> Iterable[ReplayedRequest]:
    now = timezone.now()
    subjects = load_subjects([Move(row.version, row.target, row.archive_existing) for row in requests])
    past = _PastFacts(draft, requests)
    people = people_by_role(
        subjects,
        [row.requester.username for row in requests],
        [past.check_authors.get(row.pk, frozenset()) for row in requests],
        [draft.body.rules] * len(requests),
    )
    for request, subject, roles in zip(requests, subjects, people, strict=True):
        if in_scope(draft.body, facts_of_model(subject)):
            at = request.closed_at or now
            yield _compare(request, past.snapshot(request, subject, roles, at), at)


class _PastFacts:
    """The facts of many requests as they were, read in a fixed number of queries."""

    def __init__(self, draft: LoadedPolicy, requests: Sequence[TransitionRequest]) -> None:
        self._draft = draft
        self._reviews = reviews_by_request(requests)
        self._overrides = overrides_by_request(requests)
        self._moves = stage_moves({row.version.model_id for row in requests})
        self._earlier = earlier_approvals(requests)
        self._findings = past_findings(requests)
        self._rejections = rejections_by_request(requests)
        live = [row.version for row in requests if row.closed_at is None]
        self._blocked = blocked_since(live, policies_with(draft)) if live else {}
        jobs = check_runs_of(requests)
        self.check_authors = check_authors(jobs)
        self._finished: dict[int, list[CheckRun]] = {}
        for job in jobs:
            if job.state in _WITH_RESULT:
                self._finished.setdefault(job.request_id, []).append(job)

    def snapshot(
        self, request: TransitionRequest, subject: Subject, people: Mapping[str, frozenset[str]], at: datetime
    ) -> Snapshot:
        """Return the snapshot of a request at a moment, under the draft. Reviews of its last state count."""
        reviews = _until(at, self._reviews.get(request.pk, ()))
        options, rules = self._draft.body.options, rules_for(self._draft.body, request.kind)
        emergency = request.kind == RequestKind.BREAK_GLASS
        facts = RequestFacts(
            position=self._position(request, subject, at),
            opened_at=request.opened_at,
            expires_at=request.opened_at + options.expires_after,
            people=people,
            checks={rule.id: check_facts(job) for rule in rules if (job := self._last_job(request, rule, at))},
            reviews=reviews,
            overrides=_until(at, self._overrides.get(request.pk, ())),
            findings=self._findings.open_at(request, at),
            rejections=_until(at, self._rejections.get(request.pk, ())),
            earlier_approval=self._earlier.get(request.pk),
            # no row records which date blocked a version in the past; for an open request it is the date of today
            review_due_at=None
            if request.closed_at or emergency or subject.leaves
            else self._blocked.get(request.version_id),
            reason=request.comment,
            e_signature=options.e_signature,
            subject_digest=request.subject_digest,
            parts=next((row.parts for row in reviews if row.digest == request.subject_digest), {}),
        )
        return build_snapshot(subject, rules, facts)

    def _position(self, request: TransitionRequest, subject: Subject, at: datetime) -> Position:
        past = stages_before(self._moves.get(subject.model_id, ()), request.pk, at)
        return Position(
            source=request.source,
            staged_since=past.staged_since(subject.number),
            has_incumbent=(
                replaces_another(subject) if is_alias(request.target) else past.has_other_current(subject.number)
            ),
        )

    def _last_job(self, request: TransitionRequest, rule: Rule, at: datetime) -> CheckRun | None:
        """Return the last job before a moment that ran the rule's check with the rule's parameters; None for none."""
        if not isinstance(rule, CheckRule):
            return None
        done = [
            job
            for job in self._finished.get(request.pk, ())
            if job.check_code == rule.check and job.params == dict(rule.params) and (job.finished_at or at) <= at
        ]
        return max(done, key=lambda job: (job.finished_at or at, job.pk), default=None)


def _until(at: datetime, rows: Sequence[Dated]) -> tuple[Dated, ...]:
    return tuple(row for row in rows if row.at <= at)


def _compare(request: TransitionRequest, snapshot: Snapshot, at: datetime) -> ReplayedRequest:
    verdict = evaluate(snapshot, at)
    verdict = replace(verdict, rules=tuple(_without_result(row, snapshot) for row in verdict.rules))
    passed, passes = request.state in _PASSED, verdict.is_approved
    blocking = tuple(row for row in verdict.rules if row.blocks)
    if passes == passed:
        return ReplayedRequest(request, verdict, Outcome.SAME, ())
    if not passes:
        unknown = bool(blocking) and all(_is_unknown(row, snapshot) for row in blocking)
        return ReplayedRequest(request, verdict, Outcome.UNKNOWN if unknown else Outcome.WOULD_BLOCK, blocking)
    then = rules_at_close(request)
    at_close = replace(snapshot, rules=then.rules, e_signature=then.e_signature, expires_at=request.expires_at)
    was = evaluate(at_close, at)
    return ReplayedRequest(request, verdict, Outcome.WOULD_PASS, tuple(row for row in was.rules if row.blocks))


def _is_unknown(row: RuleVerdict, snapshot: Snapshot) -> bool:
    return row.kind == "check" and row.rule not in snapshot.checks and row.status is RuleStatus.PENDING


def _without_result(row: RuleVerdict, snapshot: Snapshot) -> RuleVerdict:
    return replace(row, why=_NO_RESULT, since=None) if _is_unknown(row, snapshot) else row
