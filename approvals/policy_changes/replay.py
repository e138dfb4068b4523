"""Replay: the verdicts of a draft policy on past requests. The evaluator is that of live requests.

Reviews, overrides, results of the request's own checks, open findings and stages are those of the time when the request
was closed. The facts listed in `TODAY` are those of today, because no row records what they were. If a request never
ran a check with the draft's parameters, the outcome is unknown, unless another rule decides it.
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
from approvals.case.finding_facts import findings_for_move
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
# Facts that a replay reads as they are today.
TODAY = (
    "the groups and permission levels of reviewers",
    "the tags and risk tier of models, and who owns them",
    "who edited the model card",
    "the version that an alias points to",
)
Dated = TypeVar("Dated", ReviewFacts, OverrideFacts, RejectionFacts)
_WITH_RESULT = (CheckState.PASSED, CheckState.FAILED, CheckState.ERROR)
_PASSED = (RequestState.APPLIED, RequestState.APPROVED)
_NO_RESULT = "The request never ran this check with these parameters, so its result is unknown."


class Outcome(StrEnum):
    """Difference between the verdict of a draft on a request and the state of the request."""

    SAME = "same"
    WOULD_BLOCK = "would_block"
    WOULD_PASS = "would_pass"  # noqa: S105 - a word, not a secret
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ReplayedRequest:
    """One request with the draft's verdict at the time when it was closed, for a live request now.

    ``differing`` are the rules that explain the difference: rules of the draft that block, or rules that blocked then.
    """

    request: TransitionRequest
    verdict: Verdict
    outcome: Outcome
    differing: tuple[RuleVerdict, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """Replayed requests, newest first.

    ``examined`` is how many requests were read for this page; ``rows`` are those in the draft's scope. ``candidates``
    is how many requests there are, at most MAX_REQUESTS. ``next_before`` is the ``before`` of the next page, None at
    the end.
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
    """Return the verdicts of a policy body on past requests for its target: the newest ``limit`` with an id below
    ``before``.

    Requests that the actor may not see, and those of models outside the draft's scope today, are left out. A fixed
    number of queries. Raises InvalidInput (its message has a line for each problem of the body), TooLarge.
    """
    draft = load_draft(body)
    limit = max(1, min(limit, MAX_CHUNK))
    visible = visible_requests(actor).filter(target__in=exits_of(draft.body.target))
    candidates = min(visible.count(), MAX_REQUESTS)
    if before is not None:
        visible = visible.filter(pk__lt=before)
    requests = list(visible.select_related("followed_revision__policy", "leave_revision__policy")[: limit + 1])
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
    """The facts of many requests at the time when each was closed, read in a fixed number of queries."""

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
        """Return the snapshot of a request at ``at`` under the draft. Reviews of the request's last state count."""
        reviews = _until(at, self._reviews.get(request.pk, ()))
        options, rules = self._draft.body.options, rules_for(self._draft.body, request.kind)
        is_break_glass = request.kind == RequestKind.BREAK_GLASS
        facts = RequestFacts(
            position=self._position(request, subject, at),
            opened_at=request.opened_at,
            expires_at=request.opened_at + options.expires_after,
            people=people,
            checks={rule.id: check_facts(job) for rule in rules if (job := self._last_job(request, rule, at))},
            reviews=reviews,
            overrides=_until(at, self._overrides.get(request.pk, ())),
            findings=findings_for_move(self._findings.open_at(request, at), leaves=subject.leaves, kind=request.kind),
            rejections=_until(at, self._rejections.get(request.pk, ())),
            earlier_approval=self._earlier.get(request.pk),
            # No row records from when on a re-review blocked a closed request. For a live one it is the date of today.
            review_due_at=None
            if request.closed_at or is_break_glass or subject.leaves
            else self._blocked.get(request.version_id),
            reason=request.comment,
            e_signature=options.e_signature,
            needs_passkey=options.signed_by is not None,
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
        """Return the last job until ``at`` that ran the rule's check with the rule's parameters; None without one."""
        if not isinstance(rule, CheckRule):
            return None
        finished = [
            job
            for job in self._finished.get(request.pk, ())
            if job.check_code == rule.check and job.params == dict(rule.params) and (job.finished_at or at) <= at
        ]
        return max(finished, key=lambda job: (job.finished_at or at, job.pk), default=None)


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
    own_rules = rules_at_close(request)
    own_snapshot = replace(
        snapshot,
        rules=own_rules.rules,
        e_signature=own_rules.e_signature,
        needs_passkey=own_rules.needs_passkey,
        expires_at=request.expires_at,
    )
    own_verdict = evaluate(own_snapshot, at)
    return ReplayedRequest(request, verdict, Outcome.WOULD_PASS, tuple(row for row in own_verdict.rules if row.blocks))


def _is_unknown(row: RuleVerdict, snapshot: Snapshot) -> bool:
    return row.kind == "check" and row.rule not in snapshot.checks and row.status is RuleStatus.PENDING


def _without_result(row: RuleVerdict, snapshot: Snapshot) -> RuleVerdict:
    return replace(row, why=_NO_RESULT, since=None) if _is_unknown(row, snapshot) else row
