"""From rows to snapshots: everything the evaluator needs for many requests, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from django.utils import timezone

from approvals.case.earlier_approvals import Former, former_since
from approvals.case.finding_facts import facts_by_request
from approvals.case.incumbents import Move
from approvals.case.re_review_dates import blocked_since
from approvals.case.reviewer_roles import standing_of_people
from approvals.case.subjects import (
    facts_of_model,
    load_subjects,
    people_of,
    policy_digest,
    subject_digest,
    subject_parts,
)
from approvals.models import FINISHED_CHECKS, UNFINISHED_CHECKS, CheckRun, Override, Review, TransitionRequest
from approvals.verdict.evaluation import RuleVerdict, Verdict, evaluate, judge_rule
from approvals.verdict.facts import CheckFacts, FindingFacts, OverrideFacts, ReviewFacts, Snapshot
from policies.matching import Governing, active_policies, governing, read_revision
from policies.request_kinds import RequestKind, merge_rules, rules_for
from policies.rules import CheckRule, Rule
from validation.base import Subject, inputs_digest
from validation.catalogue import known_checks

Jobs = dict[tuple[int, str, str], CheckRun]
_Key = tuple[int, int | None, str]


@dataclass(frozen=True)
class Case:
    """One request with all that is true of it ``at`` a moment.

    ``policy`` is the one it was opened under, ``current`` the one that governs now (None where none does any more);
    ``rules`` are what both together demand. ``inputs`` maps each check rule to the fingerprint of what its check would read
    now; ``jobs`` to the job that read just that, where there is one.
    """

    request: TransitionRequest
    subject: Subject
    policy: Governing
    current: Governing | None
    rules: tuple[Rule, ...]
    inputs: Mapping[str, str]
    jobs: Mapping[str, CheckRun]
    snapshot: Snapshot
    at: datetime

    @cached_property
    def verdict(self) -> Verdict:
        """The verdict at the moment the case was loaded; evaluated at the first use, and once."""
        return evaluate(self.snapshot, self.at)

    @property
    def policy_changed(self) -> bool:
        """Return whether a policy revision governs that this request has not followed yet."""
        known = (self.request.policy_revision_id, self.request.followed_revision_id)
        return self.current is not None and self.current.revision.pk not in known

    @property
    def check_rules(self) -> list[CheckRule]:
        return [rule for rule in self.rules if isinstance(rule, CheckRule)]

    def blocking_checks(self) -> list[RuleVerdict]:
        """Return the verdicts on the checks that block, overridden ones left out; the other rules are not evaluated."""
        rows = [judge_rule(rule, self.snapshot, self.at) for rule in self.check_rules]
        return [row for row in rows if row.blocks]

    @property
    def has_unfinished_checks(self) -> bool:
        """Return whether a check that counts is queued or running on a worker."""
        return any(job.state in UNFINISHED_CHECKS for job in self.jobs.values())

    @property
    def checks_finished(self) -> bool:
        return all(rule.id in self.jobs and self.jobs[rule.id].state in FINISHED_CHECKS for rule in self.check_rules)


def load_case(request: TransitionRequest, *, at: datetime | None = None) -> Case:
    """Return one request with all that is true of it; its verdict is that of the moment ``at`` (now)."""
    return load_cases([request], at=at)[0]


def reload_reviews(case: Case) -> Case:
    """Return a case with its reviews and overrides read again, after one of them was written under the same lock."""
    request = case.request
    snapshot = replace(
        case.snapshot,
        reviews=tuple(_reviews([request]).get(request.pk, ())),
        overrides=tuple(_overrides([request]).get(request.pk, ())),
    )
    return replace(case, snapshot=snapshot, at=timezone.now())


def load_cases(requests: Sequence[TransitionRequest], *, at: datetime | None = None) -> list[Case]:
    """Return many requests likewise, in their order; a fixed number of queries for requests read `with_relations`."""
    policies = active_policies()
    pinned = _pinned(requests, policies)
    subjects = load_subjects([Move(request.version, request.target, request.archive_existing) for request in requests])
    jobs = _jobs(requests)
    requesters, authors = [request.requester.username for request in requests], _check_authors(jobs)
    people = people_of(subjects, requesters, [authors.get(request.pk, frozenset()) for request in requests])
    known = _Known(
        jobs=jobs,
        reviews=_reviews(requests),
        overrides=_overrides(requests),
        former=former_since(requests),
        findings=facts_by_request(requests),
        blocked=blocked_since([request.version for request in requests], policies),
        at=at or timezone.now(),
    )
    return [
        _case(request, subject, (pinned[request.policy_revision_id], policies), roles, known)
        for request, subject, roles in zip(requests, subjects, people, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for all requests at once, by request (``blocked`` by version), and the rules, with their hash, of each
    pair of policies and kind.
    """

    jobs: Jobs
    reviews: Mapping[int, Sequence[ReviewFacts]]
    overrides: Mapping[int, Sequence[OverrideFacts]]
    former: Mapping[int, Former]
    findings: Mapping[int, tuple[FindingFacts, ...]]
    blocked: Mapping[int, datetime]
    at: datetime
    judged_by: dict[_Key, tuple[tuple[Rule, ...], str]] = field(default_factory=dict)


def _pinned(requests: Sequence[TransitionRequest], policies: Sequence[Governing]) -> dict[int, Governing]:
    """Return the policy each request was opened under, by revision; each is read once."""
    found = {policy.revision.pk: policy for policy in policies}
    for request in requests:
        if request.policy_revision_id not in found:
            found[request.policy_revision_id] = read_revision(request.policy_revision)
    return found


def _case(
    request: TransitionRequest,
    subject: Subject,
    policies: tuple[Governing, Sequence[Governing]],
    people: Mapping[str, frozenset[str]],
    known: _Known,
) -> Case:
    pinned, active = policies
    current = governing(active, facts_of_model(subject), subject.target)
    revisions = [pinned.revision.digest, current.revision.digest if current else ""]
    key = (pinned.revision.pk, current.revision.pk if current else None, request.kind)
    if key not in known.judged_by:
        rules = rules_for(pinned.body, request.kind)
        if current is not None and current.revision.pk != pinned.revision.pk:
            rules = merge_rules(rules, rules_for(current.body, request.kind))
        known.judged_by[key] = rules, policy_digest(revisions, rules)
    rules, policy_part = known.judged_by[key]
    checks = known_checks()
    asked = [rule for rule in rules if isinstance(rule, CheckRule)]
    inputs = {rule.id: inputs_digest(checks[rule.check], rule.params, subject) for rule in asked}
    looked = {rule.id: known.jobs.get((request.pk, rule.id, inputs[rule.id])) for rule in asked}
    jobs = {rule: job for rule, job in looked.items() if job is not None}
    done = [
        (
            rule.id,
            rule.check,
            inputs[rule.id],
            *((job.state, job.evidence_digest) if (job := jobs.get(rule.id)) else ("", "")),
        )
        for rule in asked
    ]
    former = known.former.get(request.pk)
    parts = subject_parts(
        subject, kind=request.kind, policies=revisions, rules=rules, checks=done, policy_part=policy_part
    )
    snapshot = Snapshot(
        rules=rules,
        checks={rule: _check_facts(job) for rule, job in jobs.items()},
        reviews=tuple(known.reviews.get(request.pk, ())),
        people=people,
        subject_digest=subject_digest(parts),
        opened_at=request.opened_at,
        expires_at=request.expires_at,
        overrides=tuple(known.overrides.get(request.pk, ())),
        parts=parts,
        model_name=subject.model_name,
        model_tags=subject.model_tags,
        tier=subject.tier,
        source=subject.source,
        has_incumbent=subject.incumbent is not None and subject.incumbent.version_id != subject.version_id,
        staged_since={subject.source: subject.staged_at} if subject.staged_at else {},
        former_since=former.left_at if former else None,
        former_obstacle=former.obstacle if former else "",
        findings=known.findings.get(request.pk, ()),
        review_due_at=None if request.kind == RequestKind.BREAK_GLASS else known.blocked.get(request.version_id),
        e_signature=pinned.body.options.e_signature or (current is not None and current.body.options.e_signature),
    )
    return Case(request, subject, pinned, current, rules, inputs, jobs, snapshot, known.at)


def rules_at_close(request: TransitionRequest) -> tuple[Rule, ...]:
    """Return the rules a closed request was judged by last: those it was opened under and what it had followed since."""
    rules = rules_for(read_revision(request.policy_revision).body, request.kind)
    if request.followed_revision is None:
        return rules
    return merge_rules(rules, rules_for(read_revision(request.followed_revision).body, request.kind))


def said_of(
    requests: Sequence[TransitionRequest],
) -> tuple[Mapping[int, Sequence[ReviewFacts]], Mapping[int, Sequence[OverrideFacts]]]:
    """Return the reviews and the overrides of requests, by request, closed ones as well; standing is read now."""
    return _reviews(requests), _overrides(requests)


def _jobs(requests: Sequence[TransitionRequest]) -> Jobs:
    rows = CheckRun.objects.filter(request__in=[request.pk for request in requests])
    return {(row.request_id, row.rule, row.inputs_digest): row for row in rows}


def _check_authors(jobs: Jobs) -> dict[int, frozenset[str]]:
    """Return who posted a result of any job of each request, one that no longer counts included."""
    found: dict[int, set[str]] = {}
    for job in jobs.values():
        if job.author:
            found.setdefault(job.request_id, set()).add(job.author)
    return {request_id: frozenset(names) for request_id, names in found.items()}


def _check_facts(job: CheckRun) -> CheckFacts:
    return CheckFacts(
        state=job.state,
        summary=job.summary if job.state in FINISHED_CHECKS else "",
        since=job.finished_at or job.started_at or job.queued_at,
        progress=job.progress,
        check_run_id=job.pk,
        author=job.author,
    )


def _reviews(requests: Sequence[TransitionRequest]) -> dict[int, list[ReviewFacts]]:
    """Return the reviews by request. Groups and levels are read now: who has left the group no longer counts."""
    found: dict[int, list[ReviewFacts]] = {}
    rows = Review.objects.filter(request__in=[request.pk for request in requests])
    reviews = list(rows.select_related("reviewer", "on_behalf_of", "request__version").order_by("pk"))
    standing = standing_of_people(
        (row.request.version.model_id, person.pk)
        for row in reviews
        for person in (row.reviewer, row.on_behalf_of)
        if person
    )
    for row in reviews:
        authority = row.on_behalf_of or row.reviewer
        groups, roles = standing[row.request.version.model_id, authority.pk]
        found.setdefault(row.request_id, []).append(
            ReviewFacts(
                reviewer=row.reviewer.username,
                groups=groups,
                decision=row.decision,
                digest=row.subject_digest,
                at=row.given_at,
                can_decide=all(person.is_active and not person.is_service for person in (row.reviewer, authority)),
                roles=roles,
                on_behalf_of=row.on_behalf_of.username if row.on_behalf_of else "",
                parts=row.subject_parts,
                signed=row.signed_at is not None,
            )
        )
    return found


def _overrides(requests: Sequence[TransitionRequest]) -> dict[int, list[OverrideFacts]]:
    """Return the overrides by request; whether they count, and whose groups, is read now."""
    found: dict[int, list[OverrideFacts]] = {}
    rows = Override.objects.filter(request__in=[request.pk for request in requests])
    given = list(rows.select_related("given_by", "request__version", "withdrawal").order_by("pk"))
    standing = standing_of_people((row.request.version.model_id, row.given_by_id) for row in given)
    for row in given:
        found.setdefault(row.request_id, []).append(
            OverrideFacts(
                rule=row.rule,
                by=row.given_by.username,
                groups=standing[row.request.version.model_id, row.given_by_id][0],
                reason=row.reason,
                digest=row.subject_digest,
                at=row.given_at,
                can_decide=row.given_by.is_active and not row.given_by.is_service,
                signed=row.signed_at is not None,
                withdrawn_at=row.taken_back.withdrawn_at if row.taken_back else None,
            )
        )
    return found
