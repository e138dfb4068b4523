"""What the page of one transition request shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.utils import timezone

from approvals.case.check_facts import check_facts
from approvals.case.loading import Case, load_case
from approvals.case.request_rules import rules_at_close
from approvals.case.reviewer_roles import groups_of
from approvals.models import (
    LIVE_STATES,
    UNFINISHED_CHECKS,
    CheckRun,
    CheckState,
    Decision,
    Override,
    RequestState,
    Review,
    TransitionRequest,
)
from approvals.permissions.overrides import can_override, refusal_to_withdraw_override
from approvals.permissions.requests import refusal_to_withdraw_request
from approvals.permissions.reviews import Eligibility, eligibility_of, load_reviewer
from approvals.requests.queries import check_runs_of, get_request, overrides_of, reviews_of
from approvals.requests.settle import waits
from approvals.verdict.evaluation import RuleVerdict, Verdict, VerdictState, evaluate
from audit.queries import trail_for
from console.audit.presenters.entries import Entry, trail
from console.policies.presenters.descriptions import sentence_of
from console.registry.presenters.comparison import Comparison, compare
from console.requests.presenters.discussion import Thread, threads_of
from console.requests.presenters.progress import Step, way_of
from console.requests.queries import obstacle
from console.shell.facts import Fact, fact
from core.actors import Actor
from core.errors import NotFound
from core.refs import model_stream, request_ref, version_ref
from policies.rules import Rule
from registry.models import ModelVersion
from registry.queries import incumbent_of

_TRAIL = 80
_DIGITS = 19
_LOG_LINES = 6


@dataclass(frozen=True, slots=True)
class CheckView:
    """One validation job. ``counts`` says whether it looked at what is true now; ``log`` is the end of what it says."""

    job: CheckRun
    counts: bool
    seconds: float | None
    evidence: tuple[Fact, ...]

    @property
    def log(self) -> str:
        return "\n".join(self.job.log.splitlines()[-_LOG_LINES:])


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule's answer, and what the rule demands in words."""

    verdict: RuleVerdict
    text: str
    may_override: bool = False


@dataclass(frozen=True, slots=True)
class OverrideView:
    """One override, and whether this person may take it back."""

    given: Override
    may_take_back: bool


@dataclass(frozen=True, slots=True)
class LivePart:
    """What changes while checks run: the verdict and the jobs."""

    request: TransitionRequest
    verdict: Verdict
    rules: list[RuleView]
    checks: list[CheckView]
    is_moving: bool
    waits_for: str
    digest: str
    way: list[Step]

    @property
    def checks_are_quiet(self) -> bool:
        """Return whether the checks need no look of their own: the verdict says already what each of them found."""
        return bool(self.checks) and all(view.job.state == CheckState.PASSED for view in self.checks if view.counts)

    @property
    def headline(self) -> str:
        """Return the verdict in a sentence."""
        missing = [rule for rule in self.verdict.rules if rule.blocks]
        match self.verdict.state:
            case VerdictState.APPROVED:
                return "Every rule is met."
            case VerdictState.REJECTED:
                return "A reviewer has rejected it."
            case VerdictState.BLOCKED:
                return f"{_count(missing)} in the way."
            case _:
                return f"Waiting for {_count(missing, stands=False)}."


@dataclass(frozen=True, slots=True)
class RequestPage:
    """The whole page."""

    live: LivePart
    comparison: Comparison
    current: ModelVersion | None
    reviews: list[Review]
    overrides: list[OverrideView]
    threads: list[Thread]
    entries: list[Entry]
    obstacle: str
    eligibility: Eligibility
    may_decide: bool
    may_approve: bool
    may_reject: bool
    e_signature: bool
    may_withdraw: bool
    digest: str
    policy_label: str
    policy_id: int

    @property
    def judged(self) -> dict[str, str]:
        """Return the metrics that a rule of the policy goes by, each with that rule."""
        jobs = [view.job for view in self.live.checks if view.counts and isinstance(view.job.evidence, dict)]
        return {str(job.evidence["metric"]): job.rule for job in jobs if job.evidence.get("metric")}


def find_request(actor: Actor, request_id: int | str) -> TransitionRequest:
    """Return a request of a version this person may see. NotFound."""
    text = str(request_id)
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise NotFound(f"There is no transition request {text[:40]}.")
    return get_request(actor, int(text))


def live_part(actor: Actor, request_id: int | str) -> LivePart:
    """Return the part of the page that is asked for again while checks run. NotFound."""
    request = find_request(actor, request_id)
    return _live(actor, load_case(request))


def request_page(actor: Actor, request_id: int | str) -> RequestPage:
    """Return the whole page. The query count does not depend on how many checks, reviews and events there are."""
    request = find_request(actor, request_id)
    case = load_case(request)
    version = request.version
    current = incumbent_of(version.model)
    live = _live(actor, case)
    eligibility = eligibility_of(load_reviewer(actor, [version.model_id]), case)
    may_decide = request.state == RequestState.OPEN and eligibility.can_decide
    ready = case.checks_finished and not _failed_checks(live.verdict.rules)
    refs = (request_ref(request.pk), version_ref(version.model.name, version.version))
    return RequestPage(
        live=live,
        comparison=compare(version, current),
        current=current,
        reviews=reviews_of(request)[::-1],
        overrides=_overrides(actor, case),
        threads=threads_of(actor, version),
        entries=trail(trail_for(*refs, stream=model_stream(version.model_id), limit=_TRAIL)),
        obstacle=obstacle(case, eligibility),
        eligibility=eligibility,
        may_decide=may_decide,
        may_approve=may_decide and ready and eligibility.last_decision != Decision.APPROVE,
        may_reject=eligibility.can_decide,
        e_signature=case.snapshot.e_signature,
        may_withdraw=request.state in LIVE_STATES and refusal_to_withdraw_request(actor, request) is None,
        digest=case.snapshot.subject_digest,
        policy_label=case.policy.label,
        policy_id=case.policy.revision.policy_id,
    )


def _live(actor: Actor, case: Case) -> LivePart:
    closed = case.request.state not in LIVE_STATES
    counted = {job.pk for job in case.jobs.values()}
    jobs = check_runs_of(case.request)
    checks = [_check(job, closed or job.pk in counted) for job in jobs]
    checks.sort(key=lambda view: (not view.counts, view.job.rule))
    unfinished = any(view.job.state in UNFINISHED_CHECKS for view in checks if view.counts)
    rules_then, verdict = _verdict(case, jobs)
    waiting = _waits_for(case, verdict)
    is_moving = (case.request.state == RequestState.APPROVED and not waiting) or (
        case.request.state == RequestState.OPEN and unfinished
    )
    words = {rule.id: sentence_of(rule) for rule in rules_then}
    groups = groups_of(actor) if any(row.override_by and row.blocks for row in verdict.rules) else frozenset()
    rules = [
        RuleView(row, words.get(row.rule, row.title), bool(groups) and can_override(actor, groups, case, row))
        for row in verdict.rules
    ]
    way = way_of(case.request, verdict, waiting)
    return LivePart(case.request, verdict, rules, checks, is_moving, waiting, case.snapshot.subject_digest, way)


def _overrides(actor: Actor, case: Case) -> list[OverrideView]:
    """Return the overrides, newest first."""
    rows = overrides_of(case.request)[::-1]
    stand = case.request.state in LIVE_STATES and any(row.withdrawn is None for row in rows)
    groups = groups_of(actor) if stand else frozenset()
    return [
        OverrideView(
            row,
            stand and row.withdrawn is None and refusal_to_withdraw_override(actor, groups, row, case.rules) is None,
        )
        for row in rows
    ]


def _waits_for(case: Case, verdict: Verdict) -> str:
    """Return what an approved request waits for, "" where a worker applies it now."""
    request = case.request
    if request.state != RequestState.APPROVED:
        return ""
    if waits(request):
        return f"It is applied after {request.apply_after:%Y-%m-%d %H:%M} UTC."
    return " ".join(item["why"] for item in verdict.blocked_by()) if verdict.only_waits else ""


def _verdict(case: Case, jobs: Sequence[CheckRun]) -> tuple[Sequence[Rule], Verdict]:
    """Return the rules and their verdict: as of now, or for a closed request as it was when it closed.

    What has changed since (the new Production version above all) would make a decided request look undecided.
    """
    request = case.request
    if request.state in LIVE_STATES:
        return case.rules, case.verdict
    newest = {job.rule: job for job in reversed(jobs)}
    rules = rules_at_close(request).rules
    then = replace(
        case.snapshot,
        rules=rules,
        checks={rule: check_facts(job) for rule, job in newest.items()},
        subject_digest=request.subject_digest,
    )
    return rules, evaluate(then, request.closed_at or timezone.now())


def _check(job: CheckRun, counts: bool) -> CheckView:  # noqa: FBT001 - a plain fact of the row
    seconds = (job.finished_at - job.started_at).total_seconds() if job.started_at and job.finished_at else None
    facts = job.evidence if isinstance(job.evidence, dict) else {}
    return CheckView(job, counts, seconds, tuple(fact(key, value) for key, value in facts.items()))


def _failed_checks(rules: Sequence[RuleVerdict]) -> bool:
    return any(rule.kind == "check" and rule.blocks for rule in rules)


def _count(rules: Sequence[RuleVerdict], *, stands: bool = True) -> str:
    number = len(rules)
    words = f"{number} rule{'' if number == 1 else 's'}"
    return f"{words} stand{'s' if number == 1 else ''}" if stands else words
