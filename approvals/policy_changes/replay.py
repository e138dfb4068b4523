"""What a policy would have decided on the requests there were: the same evaluator, over the facts as they were then.

As they were: reviews and overrides up to the close, the results of the request's own checks, findings that were open, the
stages of versions (from the events), the moment itself. As they are today, because no row remembers them: see `TODAY`. A check that the request never ran
with these parameters leaves the answer open, unless something else decides it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from django.utils import timezone

from approvals.case.earlier_approvals import former_since
from approvals.case.incumbents import Move
from approvals.case.snapshots import rules_at_close, said_of
from approvals.case.subjects import facts_of_model, load_subjects, people_of
from approvals.models import CheckRun, CheckState, RequestState, TransitionRequest
from approvals.policy_changes.past_findings import past_findings
from approvals.policy_changes.past_stages import moves_of, past_of
from approvals.requests.queries import visible_requests
from approvals.verdict.evaluation import RuleVerdict, Verdict, evaluate
from approvals.verdict.facts import CheckFacts, OverrideFacts, ReviewFacts, Snapshot, with_check_authors
from approvals.verdict.rule_outcomes import RuleStatus
from core.actors import Actor
from policies.drafts import draft_of
from policies.matching import Governing, in_scope
from policies.parsing import is_alias
from policies.request_kinds import rules_for
from policies.rules import CheckRule, Rule
from validation.base import Subject

MAX_CHUNK = 100
MAX_REQUESTS = 500
TODAY = (
    "the groups and permission levels of reviewers",
    "the tags and risk tier of models, and who owns them",
    "who edited the model card",
    "what an alias pointed to",
)
Said = TypeVar("Said", ReviewFacts, OverrideFacts)
_PASSED = (RequestState.APPLIED, RequestState.APPROVED)
_NO_RESULT = "The request never ran this check with these parameters, so nobody knows."


class Outcome(StrEnum):
    """How a draft differs from what happened."""

    SAME = "same"
    WOULD_BLOCK = "would_block"
    WOULD_PASS = "would_pass"  # noqa: S105 - a word, not a secret
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One request: the verdict of the draft at the moment it was closed (now, where it is open), and what makes the difference."""

    request: TransitionRequest
    verdict: Verdict
    outcome: Outcome
    differing: tuple[RuleVerdict, ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """A part of the past, newest first. ``next_before`` continues it (None: that was all); ``candidates`` is how much there is."""

    rows: tuple[Replayed, ...]
    looked_at: int
    candidates: int
    next_before: int | None

    @property
    def totals(self) -> dict[str, int]:
        """Return how many requests there are of each outcome."""
        found = Counter(row.outcome.value for row in self.rows)
        return {outcome.value: found[outcome.value] for outcome in Outcome}


def replay(*, actor: Actor, body: Mapping[str, object], limit: int = 50, before: int | None = None) -> Replay:
    """Return what a body would have decided on the newest ``limit`` requests for its target below the id ``before``.

    Requests the actor may not see, and models outside the draft's scope as it would apply today, are left out. A fixed
    number of queries. InvalidInput with one line for each thing wrong with the body.
    """
    draft = draft_of(body)
    limit = max(1, min(limit, MAX_CHUNK))
    wanted = visible_requests(actor).filter(target=draft.body.target)
    candidates = min(wanted.count(), MAX_REQUESTS)
    if before is not None:
        wanted = wanted.filter(pk__lt=before)
    requests = list(wanted.select_related("followed_revision__policy")[: limit + 1])
    more, requests = len(requests) > limit, requests[:limit]
    return Replay(
        rows=tuple(_replay_all(draft, requests)),
        looked_at=len(requests),
        candidates=candidates,
        next_before=requests[-1].pk if more else None,
    )


def _replay_all(draft: Governing, requests: Sequence[TransitionRequest]) -> Iterable[Replayed]:
    now = timezone.now()
    subjects = load_subjects([Move(row.version, row.target, row.archive_existing) for row in requests])
    facts = _Facts(requests)
    people = people_of(subjects, [row.requester.username for row in requests])
    for request, subject, roles in zip(requests, subjects, people, strict=True):
        if in_scope(draft.body, facts_of_model(subject)):
            at = request.closed_at or now
            rules = rules_for(draft.body, request.kind)
            snapshot = facts.snapshot(request, subject, roles, rules, at)
            snapshot = replace(snapshot, expires_at=request.opened_at + draft.body.options.expires_after)
            yield _compare(request, snapshot, at)


class _Facts:
    """What is known of a number of requests as they were, read at once."""

    def __init__(self, requests: Sequence[TransitionRequest]) -> None:
        self.reviews, self.overrides = said_of(requests)
        self.moves = moves_of({row.version.model_id for row in requests})
        self.former = former_since(requests)
        self.findings = past_findings(requests)
        jobs = CheckRun.objects.filter(
            request__in=[row.pk for row in requests], state__in=[CheckState.PASSED, CheckState.FAILED, CheckState.ERROR]
        )
        self.jobs: dict[int, list[CheckRun]] = {}
        for job in jobs.order_by("finished_at", "pk"):
            self.jobs.setdefault(job.request_id, []).append(job)

    def snapshot(
        self,
        request: TransitionRequest,
        subject: Subject,
        people: Mapping[str, frozenset[str]],
        rules: tuple[Rule, ...],
        at: datetime,
    ) -> Snapshot:
        """Return what was true of a request at a moment, under other rules. Reviews count that were of its last state."""
        past = past_of(self.moves.get(subject.model_id, ()), request.pk, at)
        incumbent = subject.incumbent is not None and subject.incumbent.version_id != subject.version_id
        reviews = _until(at, self.reviews.get(request.pk, ()))
        former = self.former.get(request.pk)
        checks = dict(self._checks(request, rules, at))
        return Snapshot(
            rules=rules,
            checks=checks,
            reviews=reviews,
            people=with_check_authors(people, checks),
            subject_digest=request.subject_digest,
            opened_at=request.opened_at,
            expires_at=request.expires_at,
            overrides=_until(at, self.overrides.get(request.pk, ())),
            parts=next((row.parts for row in reviews if row.digest == request.subject_digest), {}),
            model_name=subject.model_name,
            model_tags=subject.model_tags,
            tier=subject.tier,
            source=request.source,
            has_incumbent=incumbent if is_alias(request.target) else past.has_other_current(subject.number),
            staged_since=past.staged_since(subject.number),
            former_since=former.left_at if former else None,
            former_obstacle=former.obstacle if former else "",
            findings=self.findings.open_at(request, at),
        )

    def _checks(
        self, request: TransitionRequest, rules: tuple[Rule, ...], at: datetime
    ) -> Iterable[tuple[str, CheckFacts]]:
        """Yield the last result before the close of each check that ran with the parameters the rule gives it."""
        for rule in rules:
            if not isinstance(rule, CheckRule):
                continue
            done = [
                job
                for job in self.jobs.get(request.pk, ())
                if job.check_code == rule.check and job.params == dict(rule.params) and (job.finished_at or at) <= at
            ]
            if done:
                last = done[-1]
                yield (
                    rule.id,
                    CheckFacts(
                        last.state, last.summary, last.finished_at or at, check_run_id=last.pk, author=last.author
                    ),
                )


def _until(at: datetime, rows: Sequence[Said]) -> tuple[Said, ...]:
    return tuple(row for row in rows if row.at <= at)


def _compare(request: TransitionRequest, snapshot: Snapshot, at: datetime) -> Replayed:
    verdict = evaluate(snapshot, at)
    verdict = replace(verdict, rules=tuple(_worded(row, snapshot) for row in verdict.rules))
    passed, passes = request.state in _PASSED, verdict.is_approved
    blocking = tuple(row for row in verdict.rules if row.blocks)
    if passes == passed:
        return Replayed(request, verdict, Outcome.SAME, ())
    if not passes:
        unknown = bool(blocking) and all(_is_unknown(row, snapshot) for row in blocking)
        return Replayed(request, verdict, Outcome.UNKNOWN if unknown else Outcome.WOULD_BLOCK, blocking)
    was = evaluate(replace(snapshot, rules=rules_at_close(request), expires_at=request.expires_at), at)
    return Replayed(request, verdict, Outcome.WOULD_PASS, tuple(row for row in was.rules if row.blocks))


def _is_unknown(row: RuleVerdict, snapshot: Snapshot) -> bool:
    return row.kind == "check" and row.rule not in snapshot.checks and row.status is RuleStatus.PENDING


def _worded(row: RuleVerdict, snapshot: Snapshot) -> RuleVerdict:
    return replace(row, why=_NO_RESULT, since=None) if _is_unknown(row, snapshot) else row
