"""The verdict, the checks and the progress of a request: the part of its page that reloads while checks run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone

from approvals.case.closing import verdict_at_close
from approvals.case.loading import Case, load_case
from approvals.case.reviewer_roles import groups_of
from approvals.check_runs.visible_facts import visible_evidence
from approvals.models import LIVE_STATES, UNFINISHED_CHECKS, CheckRun, CheckState, RequestState, TransitionRequest
from approvals.permissions.overrides import can_override
from approvals.requests.queries import check_runs_of
from approvals.requests.settle import is_delayed
from approvals.verdict.evaluation import RuleVerdict, Verdict, VerdictState
from approvals.verdict.rule_outcomes import RuleStatus
from console.policies.presenters.descriptions import rule_text
from console.requests.presenters.progress import Step, request_progress
from console.requests.queries import find_request
from console.shell.facts import Fact, fact
from core.actors import Actor
from policies.rules import Rule

_LOG_LINES = 6
_SETTLED = (RuleStatus.PASSED, RuleStatus.OVERRIDDEN, RuleStatus.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class CheckView:
    """One check run.

    ``counts`` tells whether its inputs are unchanged, so that its result still counts. ``seconds`` is how long it ran,
    None until it ends.
    """

    job: CheckRun
    counts: bool
    seconds: float | None
    evidence: tuple[Fact, ...]

    @property
    def log(self) -> str:
        """Return the last lines of the check's log."""
        return "\n".join(self.job.log.splitlines()[-_LOG_LINES:])


@dataclass(frozen=True, slots=True)
class RuleView:
    """The verdict on one rule, what the rule requires as text, and whether this person may override it."""

    verdict: RuleVerdict
    text: str
    may_override: bool = False


@dataclass(frozen=True, slots=True)
class LivePart:
    """The part of the page that changes while checks run.

    ``is_updating`` tells that the page reloads this part. ``waits_for`` says what an approved request waits for, "" for
    nothing. ``digest`` is the subject digest.
    """

    request: TransitionRequest
    verdict: Verdict
    rules: list[RuleView]
    checks: list[CheckView]
    is_updating: bool
    waits_for: str
    digest: str
    steps: list[Step]

    @property
    def unmet_rules(self) -> list[RuleView]:
        """Return the rules that failed or wait."""
        return [view for view in self.rules if view.verdict.status not in _SETTLED]

    @property
    def met_rules(self) -> list[RuleView]:
        """Return the other rules: passed, overridden or not applicable."""
        return [view for view in self.rules if view.verdict.status in _SETTLED]

    @property
    def all_checks_passed(self) -> bool:
        """Return whether every check that counts has passed, so that the page folds the list of checks."""
        return bool(self.checks) and all(view.job.state == CheckState.PASSED for view in self.checks if view.counts)

    @property
    def headline(self) -> str:
        """Return the verdict in a sentence."""
        count = sum(rule.blocks for rule in self.verdict.rules)
        rules = f"{count} rule{'' if count == 1 else 's'}"
        match self.verdict.state:
            case VerdictState.APPROVED:
                return "Every rule is met."
            case VerdictState.REJECTED:
                return "A reviewer rejected this request."
            case VerdictState.BLOCKED:
                return f"{rules} block{'s' if count == 1 else ''} this request."
            case _:
                return f"Waiting for {rules}."


def live_part(actor: Actor, request_id: int | str) -> LivePart:
    """Return the live part of a request's page. Raises NotFound."""
    return live_part_of(actor, load_case(find_request(actor, request_id)))


def live_part_of(actor: Actor, case: Case) -> LivePart:
    """Return the live part of a request whose case is loaded."""
    request = case.request
    jobs = check_runs_of(request)
    checks = _checks(actor, case, jobs)
    rules, verdict = _verdict(case, jobs)
    waits_for = _waits_for(case, verdict)
    unfinished = any(view.job.state in UNFINISHED_CHECKS for view in checks if view.counts)
    return LivePart(
        request=request,
        verdict=verdict,
        rules=_rules(actor, case, rules, verdict),
        checks=checks,
        is_updating=(request.state == RequestState.APPROVED and not waits_for)
        or (request.state == RequestState.OPEN and unfinished),
        waits_for=waits_for,
        digest=_digest(case),
        steps=request_progress(request, verdict, waits_for),
    )


def _checks(actor: Actor, case: Case, jobs: Sequence[CheckRun]) -> list[CheckView]:
    is_closed = case.request.state not in LIVE_STATES
    counted = {job.pk for job in case.jobs.values()}
    evidence = visible_evidence(actor, jobs)
    views = [_check(job, evidence[job.pk], counts=is_closed or job.pk in counted) for job in jobs]
    return sorted(views, key=lambda view: (not view.counts, view.job.rule))


def _check(job: CheckRun, evidence: object, *, counts: bool) -> CheckView:
    seconds = (job.finished_at - job.started_at).total_seconds() if job.started_at and job.finished_at else None
    rows = evidence.items() if isinstance(evidence, Mapping) else ()
    return CheckView(job, counts, seconds, tuple(fact(key, value) for key, value in rows))


def _rules(actor: Actor, case: Case, rules: Sequence[Rule], verdict: Verdict) -> list[RuleView]:
    texts = {rule.id: rule_text(rule) for rule in rules}
    has_soft_rule = any(row.override_by and row.blocks for row in verdict.rules)
    groups = groups_of(actor) if has_soft_rule else frozenset()
    return [
        RuleView(row, texts.get(row.rule, row.title), bool(groups) and can_override(actor, groups, case, row))
        for row in verdict.rules
    ]


def _digest(case: Case) -> str:
    """Return the current subject digest, or for a closed request the one at its closing."""
    request = case.request
    is_live = request.state in LIVE_STATES
    return case.snapshot.subject_digest if is_live else request.subject_digest or case.snapshot.subject_digest


def _waits_for(case: Case, verdict: Verdict) -> str:
    request = case.request
    if request.state != RequestState.APPROVED:
        return ""
    if is_delayed(request):
        return f"The version moves after {request.apply_after:%Y-%m-%d %H:%M} UTC."
    return " ".join(item["why"] for item in verdict.blocked_by()) if verdict.resolves_with_time else ""


def _verdict(case: Case, jobs: Sequence[CheckRun]) -> tuple[Sequence[Rule], Verdict]:
    """Return the rules and their verdict: the current one, or for a closed request the one at its closing."""
    if case.request.state in LIVE_STATES:
        return case.rules, case.verdict
    return verdict_at_close(case, jobs, case.request.closed_at or timezone.now())
