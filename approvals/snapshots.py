"""From rows to snapshots: everything the evaluator needs for many requests, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from approvals.checks.base import Subject, inputs_digest
from approvals.checks.registry import known_checks
from approvals.evaluation import CheckFacts, ReviewFacts, Snapshot, Verdict, evaluate
from approvals.governance import Governing, active_policies, governing, read_revision
from approvals.models import CheckRun, CheckState, Review, TransitionRequest
from approvals.rules import CheckRule
from approvals.subjects import Move, load_subjects, people_of, subject_digest
from registry.stages import Stage

FINISHED = (CheckState.PASSED, CheckState.FAILED, CheckState.ERROR, CheckState.CANCELLED)

Jobs = dict[tuple[int, str, str], CheckRun]


@dataclass(frozen=True, slots=True)
class Case:
    """One request with all that is true of it now.

    ``inputs`` maps each check rule to the fingerprint of what its check would read now; ``jobs`` to the job that read
    just that, where there is one.
    """

    request: TransitionRequest
    subject: Subject
    policy: Governing
    inputs: Mapping[str, str]
    jobs: Mapping[str, CheckRun]
    snapshot: Snapshot

    @property
    def policy_changed(self) -> bool:
        """Return whether another policy revision governs than when the request was opened."""
        return self.policy.revision.pk != self.request.policy_revision_id

    @property
    def check_rules(self) -> list[CheckRule]:
        return [rule for rule in self.policy.body.rules if isinstance(rule, CheckRule)]

    @property
    def checks_finished(self) -> bool:
        return all(rule.id in self.jobs and self.jobs[rule.id].state in FINISHED for rule in self.check_rules)

    def verdict(self, at: datetime | None = None) -> Verdict:
        """Return the verdict at a moment (now)."""
        return evaluate(self.snapshot, at or timezone.now())


def load_case(request: TransitionRequest) -> Case:
    """Return one request with all that is true of it now."""
    return load_cases([request])[0]


def load_cases(requests: Sequence[TransitionRequest]) -> list[Case]:
    """Return many requests likewise, in their order. Each needs version, model, requester and policy revision loaded."""
    policies = active_policies()
    subjects = load_subjects(
        [Move(request.version, Stage(request.target), request.archive_existing) for request in requests]
    )
    people = people_of(subjects, [request.requester.username for request in requests])
    jobs, reviews = _jobs(requests), _reviews(requests)
    return [
        _case(request, subject, _policy(request, subject, policies), roles, jobs, reviews.get(request.pk, ()))
        for request, subject, roles in zip(requests, subjects, people, strict=True)
    ]


def _policy(request: TransitionRequest, subject: Subject, policies: Sequence[Governing]) -> Governing:
    """Return the policy that governs now; where none does any more, the one the request was opened under."""
    found = governing(policies, subject.model_name, subject.target)
    return found or read_revision(request.policy_revision)


def _case(
    request: TransitionRequest,
    subject: Subject,
    policy: Governing,
    people: Mapping[str, frozenset[str]],
    all_jobs: Jobs,
    reviews: Sequence[ReviewFacts],
) -> Case:
    checks = known_checks()
    rules = [rule for rule in policy.body.rules if isinstance(rule, CheckRule)]
    inputs = {rule.id: inputs_digest(checks[rule.check], rule.params, subject) for rule in rules}
    jobs = {
        rule.id: all_jobs[request.pk, rule.id, inputs[rule.id]]
        for rule in rules
        if (request.pk, rule.id, inputs[rule.id]) in all_jobs
    }
    done = [
        (rule.id, rule.check, inputs[rule.id], jobs[rule.id].state, jobs[rule.id].evidence_digest)
        if rule.id in jobs
        else (rule.id, rule.check, inputs[rule.id], "", "")
        for rule in rules
    ]
    snapshot = Snapshot(
        rules=policy.body.rules,
        checks={rule: _check_facts(job) for rule, job in jobs.items()},
        reviews=tuple(reviews),
        people=people,
        subject_digest=subject_digest(subject, policy.revision.digest, done),
        opened_at=request.opened_at,
        expires_at=request.expires_at,
    )
    return Case(request=request, subject=subject, policy=policy, inputs=inputs, jobs=jobs, snapshot=snapshot)


def _jobs(requests: Sequence[TransitionRequest]) -> Jobs:
    rows = CheckRun.objects.filter(request__in=[request.pk for request in requests])
    return {(row.request_id, row.rule, row.inputs_digest): row for row in rows}


def _check_facts(job: CheckRun) -> CheckFacts:
    return CheckFacts(
        state=job.state,
        summary=job.summary if job.state in FINISHED else "",
        since=job.finished_at or job.started_at or job.queued_at,
        progress=job.progress,
        check_run_id=job.pk,
        author=job.author,
    )


def _reviews(requests: Sequence[TransitionRequest]) -> dict[int, list[ReviewFacts]]:
    """Return the reviews by request. Groups are read now: who has left the group no longer counts."""
    found: dict[int, list[ReviewFacts]] = {}
    rows = Review.objects.filter(request__in=[request.pk for request in requests]).select_related("reviewer")
    for row in rows.prefetch_related("reviewer__groups").order_by("pk"):
        found.setdefault(row.request_id, []).append(
            ReviewFacts(
                reviewer=row.reviewer.username,
                groups=frozenset(group.name for group in row.reviewer.groups.all()),
                decision=row.decision,
                digest=row.subject_digest,
                at=row.given_at,
                can_decide=row.reviewer.is_active and not row.reviewer.is_service,
            )
        )
    return found
