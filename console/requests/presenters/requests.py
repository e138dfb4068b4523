"""The page of one transition request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from approvals.case.loading import Case, load_case
from approvals.case.reviewer_roles import groups_of
from approvals.models import LIVE_STATES, Decision, Override, RequestState, Review
from approvals.permissions.overrides import refusal_to_withdraw_override
from approvals.permissions.requests import refusal_to_withdraw_request
from approvals.permissions.reviews import Eligibility, eligibility_of, load_reviewer
from approvals.requests.queries import overrides_of, reviews_of
from approvals.verdict.evaluation import RuleVerdict
from audit.queries import trail_for
from console.audit.presenters.entries import Entry, trail
from console.registry.presenters.comparison import Comparison, compare
from console.requests.presenters.banner import Banner, request_banners
from console.requests.presenters.discussion import Thread, threads_of
from console.requests.presenters.live import LivePart, live_part_of
from console.requests.queries import find_request
from core.actors import Actor
from core.refs import model_stream, request_ref, version_ref
from registry.models import ModelVersion
from registry.queries import incumbent_of

_TRAIL = 80


@dataclass(frozen=True, slots=True)
class OverrideView:
    """One override, and whether this person may withdraw it."""

    override: Override
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class DecisionButtons:
    """The decisions that this person may take now. ``needs_checks`` tells that approving has to wait for the checks."""

    approve: bool
    needs_checks: bool
    request_changes: bool
    reject: bool
    withdraw: bool


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Everything the page shows."""

    live: LivePart
    banners: list[Banner]
    buttons: DecisionButtons
    comparison: Comparison
    current: ModelVersion | None
    reviews: list[Review]
    overrides: list[OverrideView]
    threads: list[Thread]
    entries: list[Entry]
    digest: str
    policy_label: str
    policy_id: int

    @property
    def version_ref(self) -> str:
        """Return the reference of the candidate."""
        version = self.live.request.version
        return version_ref(version.model.name, version.version)

    @property
    def judged(self) -> dict[str, str]:
        """Return the metrics that a rule of the policy goes by, each with that rule."""
        jobs = [view.job for view in self.live.checks if view.counts and isinstance(view.job.evidence, dict)]
        return {str(job.evidence["metric"]): job.rule for job in jobs if job.evidence.get("metric")}

    @property
    def curves_url(self) -> str:
        """Return where the curves of both runs are drawn, "" where the candidate has no run."""
        candidate, current = self.comparison.candidate.version, self.comparison.current
        if not candidate.run_id:
            return ""
        query = [("run", candidate.run_id), ("name", f"v{candidate.version}")]
        if current is not None and current.version.run_id:
            query += [("run", current.version.run_id), ("name", f"v{current.version.version} (Production)")]
        return f"{reverse('console:curves')}?{urlencode(query)}"


def request_page(actor: Actor, request_id: int | str) -> RequestPage:
    """Return the whole page. The query count does not depend on how many checks, reviews and events there are. NotFound."""
    case = load_case(find_request(actor, request_id))
    request, version = case.request, case.request.version
    current = incumbent_of(version.model)
    live = live_part_of(actor, case)
    eligibility = eligibility_of(load_reviewer(actor, [version.model_id]), case)
    buttons = _buttons(actor, case, eligibility, live.verdict.rules)
    refs = (request_ref(request.pk), version_ref(version.model.name, version.version))
    banners = request_banners(
        case, eligibility, waits_for=live.waits_for, headline=live.headline, may_approve=not buttons.needs_checks
    )
    return RequestPage(
        live=live,
        banners=list(banners),
        buttons=buttons,
        comparison=compare(version, current),
        current=current,
        reviews=reviews_of(request)[::-1],
        overrides=_overrides(actor, case),
        threads=threads_of(actor, version),
        entries=trail(trail_for(*refs, stream=model_stream(version.model_id), limit=_TRAIL)),
        digest=case.snapshot.subject_digest,
        policy_label=case.policy.label,
        policy_id=case.policy.revision.policy_id,
    )


def _buttons(actor: Actor, case: Case, eligibility: Eligibility, rules: Sequence[RuleVerdict]) -> DecisionButtons:
    """Return which decisions to offer: the last one again is no decision, and approving waits for the checks."""
    may_decide = case.request.state == RequestState.OPEN and eligibility.can_decide
    has_failed_check = any(rule.kind == "check" and rule.blocks for rule in rules)
    return DecisionButtons(
        approve=may_decide and eligibility.last_decision != Decision.APPROVE,
        needs_checks=not case.checks_finished or has_failed_check,
        request_changes=may_decide and eligibility.last_decision != Decision.REQUEST_CHANGES,
        reject=eligibility.can_decide,
        withdraw=case.request.state in LIVE_STATES and refusal_to_withdraw_request(actor, case.request) is None,
    )


def _overrides(actor: Actor, case: Case) -> list[OverrideView]:
    """Return the overrides, newest first."""
    rows = overrides_of(case.request)[::-1]
    has_one_in_force = case.request.state in LIVE_STATES and any(row.withdrawn is None for row in rows)
    groups = groups_of(actor) if has_one_in_force else frozenset()
    return [
        OverrideView(
            row,
            has_one_in_force
            and row.withdrawn is None
            and refusal_to_withdraw_override(actor, groups, row, case.rules) is None,
        )
        for row in rows
    ]
