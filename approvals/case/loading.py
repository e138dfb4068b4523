"""Loading of requests as cases: a case has the facts for a verdict. Many requests take a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from django.utils import timezone

from approvals.case.account_doubts import AccountFact, load_account_facts, parties_of, with_doubts
from approvals.case.check_facts import check_authors, check_facts, check_runs_of
from approvals.case.earlier_approvals import EarlierApproval, earlier_approvals
from approvals.case.finding_facts import findings_by_request, findings_for_move
from approvals.case.incumbents import Move
from approvals.case.re_review_dates import blocked_since
from approvals.case.rejections import rejections_by_request
from approvals.case.request_rules import MergedRules, RequestRules
from approvals.case.review_facts import overrides_by_request, reviews_by_request
from approvals.case.snapshots import RequestFacts, build_snapshot, position_now
from approvals.case.subjects import load_subjects, people_by_role, subject_digest, subject_parts
from approvals.models import FINISHED_CHECKS, UNFINISHED_CHECKS, CheckRun, TransitionRequest
from approvals.verdict.evaluation import RuleVerdict, Verdict, evaluate, evaluate_rule
from approvals.verdict.facts import FindingFacts, OverrideFacts, RejectionFacts, ReviewFacts, Snapshot
from policies.matching import LoadedPolicy, active_policies
from policies.request_kinds import RequestKind
from policies.rules import CheckRule, Rule
from validation.base import Subject, inputs_digest
from validation.catalogue import known_checks


@dataclass(frozen=True)
class Case:
    """One request with the facts for its verdict at ``at``.

    ``policy`` governed when it was opened, and ``current`` governs now (None for none). ``added`` is the policy on
    leaving whose rules are added (None for none). ``rules`` are the merged rules of all. ``accounts`` are the recent
    changes of accounts; one within ``window`` before an approval may void the approval. An approved request is applied
    after ``apply_delay``. ``inputs`` maps each check rule to the digest of the inputs that its check would read now;
    ``jobs`` maps it to the job with the same inputs digest, where there is one.
    """

    request: TransitionRequest
    subject: Subject
    policy: LoadedPolicy
    current: LoadedPolicy | None
    added: LoadedPolicy | None
    rules: tuple[Rule, ...]
    inputs: Mapping[str, str]
    jobs: Mapping[str, CheckRun]
    snapshot: Snapshot
    at: datetime
    window: timedelta
    apply_delay: timedelta
    accounts: tuple[AccountFact, ...]

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict at the moment the case was loaded. It is evaluated once, at the first use."""
        return evaluate(self.snapshot, self.at)

    @property
    def policy_changed(self) -> bool:
        """Return whether a policy revision that applies now is one that this request does not follow yet."""
        return self.governing_changed or self.added_changed

    @property
    def governing_changed(self) -> bool:
        """Return whether the policy revision that governs now is one that this request does not follow yet."""
        pinned_ids = (self.request.policy_revision_id, self.request.followed_revision_id)
        return self.current is not None and self.current.revision.pk not in pinned_ids

    @property
    def added_changed(self) -> bool:
        """Return whether the policy on leaving whose rules are added is not the stored one."""
        return self.request.leave_revision_id != (self.added.revision.pk if self.added else None)

    @property
    def check_rules(self) -> list[CheckRule]:
        """Return the rules that a validation check must pass."""
        return [rule for rule in self.rules if isinstance(rule, CheckRule)]

    def blocking_checks(self) -> list[RuleVerdict]:
        """Return the verdicts on the checks that block, without overridden ones. Other rules are not evaluated."""
        rows = [evaluate_rule(rule, self.snapshot, self.at) for rule in self.check_rules]
        return [row for row in rows if row.blocks]

    @property
    def has_unfinished_checks(self) -> bool:
        """Return whether a job with the present inputs is queued or running on a worker."""
        return any(job.state in UNFINISHED_CHECKS for job in self.jobs.values())

    @property
    def checks_finished(self) -> bool:
        """Return whether each check has finished with the present inputs."""
        return all(rule.id in self.jobs and self.jobs[rule.id].state in FINISHED_CHECKS for rule in self.check_rules)


def load_case(request: TransitionRequest, *, at: datetime | None = None) -> Case:
    """Return one request as a case. Its verdict is evaluated for the moment ``at``, by default now."""
    return load_cases([request], at=at)[0]


def load_cases(requests: Sequence[TransitionRequest], *, at: datetime | None = None) -> list[Case]:
    """Return requests as cases, in the same order, with verdicts at ``at``, by default now.

    A fixed number of queries for requests read `with_relations`. Raises InvalidState when this server cannot read the
    policy of a request.
    """
    now = at or timezone.now()
    policies = active_policies()
    merged_rules = MergedRules(requests, policies)
    subjects = load_subjects([Move(request.version, request.target, request.archive_existing) for request in requests])
    jobs = check_runs_of(requests)
    requesters, authors = [request.requester.username for request in requests], check_authors(jobs)
    rules = [merged_rules.rules_of(request, subject) for request, subject in zip(requests, subjects, strict=True)]
    people = people_by_role(
        subjects,
        requesters,
        [authors.get(request.pk, frozenset()) for request in requests],
        [row.rules for row in rules],
    )
    reviews = reviews_by_request(requests)
    related = _SharedFacts(
        accounts=load_account_facts(_earliest(rules, reviews, now)),
        jobs={(job.request_id, job.rule, job.inputs_digest): job for job in jobs},
        reviews=reviews,
        overrides=overrides_by_request(requests),
        earlier=earlier_approvals(requests),
        findings=findings_by_request(requests),
        rejections=rejections_by_request(requests),
        blocked=blocked_since([request.version for request in requests], policies),
        at=now,
    )
    return [
        _case(request, subject, request_rules, roles, related)
        for request, subject, request_rules, roles in zip(requests, subjects, rules, people, strict=True)
    ]


def reload_reviews(case: Case) -> Case:
    """Return a case with its reviews and overrides read again, for a verdict now.

    The caller has just written one of them, under the lock under which the case was loaded.
    """
    request = case.request
    involved = parties_of(case.snapshot.people)
    reviews = reviews_by_request([request]).get(request.pk, ())
    snapshot = replace(
        case.snapshot,
        reviews=with_doubts(reviews, case.accounts, involved, case.window),
        overrides=overrides_by_request([request]).get(request.pk, ()),
    )
    return replace(case, snapshot=snapshot, at=timezone.now())


@dataclass(frozen=True, slots=True)
class _SharedFacts:
    """Facts that were read for all requests at once, by request id.

    The key of ``jobs`` also has the rule and the inputs digest; ``blocked`` is by version id.
    """

    accounts: tuple[AccountFact, ...]
    jobs: Mapping[tuple[int, str, str], CheckRun]
    reviews: Mapping[int, tuple[ReviewFacts, ...]]
    overrides: Mapping[int, tuple[OverrideFacts, ...]]
    earlier: Mapping[int, EarlierApproval]
    findings: Mapping[int, tuple[FindingFacts, ...]]
    rejections: Mapping[int, tuple[RejectionFacts, ...]]
    blocked: Mapping[int, datetime]
    at: datetime


def _case(
    request: TransitionRequest,
    subject: Subject,
    request_rules: RequestRules,
    people: Mapping[str, frozenset[str]],
    related: _SharedFacts,
) -> Case:
    checks = known_checks()
    check_rules = [rule for rule in request_rules.rules if isinstance(rule, CheckRule)]
    inputs = {rule.id: inputs_digest(checks[rule.check], rule.params, subject) for rule in check_rules}
    jobs = {rule.id: job for rule in check_rules if (job := related.jobs.get((request.pk, rule.id, inputs[rule.id])))}
    return Case(
        request=request,
        subject=subject,
        policy=request_rules.policy,
        current=request_rules.current,
        added=request_rules.added,
        rules=request_rules.rules,
        inputs=inputs,
        jobs=jobs,
        snapshot=_snapshot(request, subject, request_rules, people, inputs, jobs, related),
        at=related.at,
        window=request_rules.new_account_window,
        apply_delay=request_rules.apply_delay,
        accounts=related.accounts,
    )


def _earliest(rules: Sequence[RequestRules], reviews: Mapping[int, tuple[ReviewFacts, ...]], now: datetime) -> datetime:
    """Return the time since which changes of accounts may void an approval of any of these requests."""
    first = min((row.at for rows in reviews.values() for row in rows), default=now)
    return min(first, now) - max((row.new_account_window for row in rules), default=timedelta())


def _snapshot(
    request: TransitionRequest,
    subject: Subject,
    request_rules: RequestRules,
    people: Mapping[str, frozenset[str]],
    inputs: Mapping[str, str],
    jobs: Mapping[str, CheckRun],
    related: _SharedFacts,
) -> Snapshot:
    parts = _parts(request, subject, request_rules, inputs, jobs)
    facts = RequestFacts(
        position=position_now(subject),
        opened_at=request.opened_at,
        expires_at=request.expires_at,
        people=people,
        checks={rule: check_facts(job) for rule, job in jobs.items()},
        reviews=with_doubts(
            related.reviews.get(request.pk, ()),
            related.accounts,
            parties_of(people),
            request_rules.new_account_window,
        ),
        overrides=related.overrides.get(request.pk, ()),
        findings=findings_for_move(related.findings.get(request.pk, ()), leaves=subject.leaves, kind=request.kind),
        rejections=related.rejections.get(request.pk, ()),
        earlier_approval=related.earlier.get(request.pk),
        review_due_at=_review_due_at(request, subject, related),
        reason=request.comment,
        e_signature=request_rules.e_signature,
        needs_passkey=request_rules.needs_passkey,
        needs_device_passkey=request_rules.needs_device_passkey,
        subject_digest=subject_digest(parts),
        parts=parts,
    )
    return build_snapshot(subject, request_rules.rules, facts)


def _parts(
    request: TransitionRequest,
    subject: Subject,
    request_rules: RequestRules,
    inputs: Mapping[str, str],
    jobs: Mapping[str, CheckRun],
) -> dict[str, str]:
    """Return the hashes of the parts of the subject digest."""
    return subject_parts(
        subject,
        kind=request.kind,
        rules=request_rules.rules,
        checks=[
            _subject_check(rule, inputs[rule.id], jobs.get(rule.id))
            for rule in request_rules.rules
            if isinstance(rule, CheckRule)
        ],
        policy=request_rules.digest,
        reason=request.comment,
    )


def _review_due_at(request: TransitionRequest, subject: Subject, related: _SharedFacts) -> datetime | None:
    """Return the time from which an overdue re-review blocks a request, None for never.

    It never blocks a break-glass request, nor a version that leaves its target.
    """
    if subject.leaves or request.kind == RequestKind.BREAK_GLASS:
        return None
    return related.blocked.get(request.version_id)


def _subject_check(rule: CheckRule, inputs: str, job: CheckRun | None) -> tuple[str, ...]:
    """Return the part of one check in the subject digest: rule, check code, inputs digest, state, evidence digest."""
    return (rule.id, rule.check, inputs, job.state if job else "", job.evidence_digest if job else "")
