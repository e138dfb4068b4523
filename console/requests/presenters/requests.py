"""The page of one transition request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from approvals.case.compared_with import compared_with
from approvals.case.loading import Case, load_case
from approvals.case.pins import candidate_at_close
from approvals.case.reviewer_roles import groups_of
from approvals.models import LIVE_STATES, Decision, Override, RequestState, Review, TransitionRequest
from approvals.permissions.overrides import refusal_to_withdraw_override
from approvals.permissions.requests import refusal_to_withdraw_request
from approvals.permissions.reviews import Eligibility, eligibility_of, load_reviewer
from approvals.requests.queries import overrides_of, reviews_of, visible_requests
from approvals.verdict.evaluation import RuleVerdict
from approvals.verdict.facts import RejectionFacts
from audit.queries import trail_for
from console.audit.presenters.entries import Entry, trail
from console.cards.presenters import FieldDiff, diff_fields
from console.registry.presenters.comparison import Comparison, compare
from console.registry.presenters.files import ModelFiles, files_of
from console.registry.presenters.versions import diff_from_approved
from console.requests.presenters.banner import Banner, request_banners
from console.requests.presenters.discussion import Thread, threads_of
from console.requests.presenters.live import LivePart, live_part_of
from console.requests.queries import find_request
from core.actors import Actor
from core.refs import model_stream, request_ref, version_ref
from registry.permissions import has_level, level_to_ask

_TRAIL = 80


@dataclass(frozen=True, slots=True)
class OverrideView:
    """One override, and whether this person may withdraw it."""

    override: Override
    may_withdraw: bool


@dataclass(frozen=True, slots=True)
class Rejection:
    """An earlier rejection of the same files. ``is_visible`` tells whether this person may see its request."""

    facts: RejectionFacts
    is_visible: bool


@dataclass(frozen=True, slots=True)
class DecisionButtons:
    """The actions that this person may take now. ``needs_checks`` tells that nobody can approve before the checks."""

    approve: bool
    needs_checks: bool
    request_changes: bool
    reject: bool
    withdraw: bool
    give_reason: bool

    @property
    def any_offered(self) -> bool:
        """Return whether there is an action to offer."""
        return any((self.approve, self.request_changes, self.reject, self.withdraw, self.give_reason))


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Everything the page shows."""

    live: LivePart
    banners: list[Banner]
    buttons: DecisionButtons
    comparison: Comparison
    reviews: list[Review]
    overrides: list[OverrideView]
    threads: list[Thread]
    entries: list[Entry]
    digest: str
    rejections: list[Rejection]
    policy_label: str
    policy_id: int
    files: ModelFiles
    card_diffs: list[FieldDiff]
    diff_url: str

    @property
    def version_ref(self) -> str:
        """Return the reference of the candidate."""
        version = self.live.request.version
        return version_ref(version.model.name, version.version)

    @property
    def judged(self) -> dict[str, str]:
        """Return the metrics that checks of the policy judge, each with the id of its rule."""
        jobs = [view.job for view in self.live.checks if view.counts and isinstance(view.job.evidence, dict)]
        return {str(job.evidence["metric"]): job.rule for job in jobs if job.evidence.get("metric")}

    @property
    def curves_url(self) -> str:
        """Return the address of the curves of both runs, "" where the candidate has no run."""
        candidate, current = self.comparison.candidate.version, self.comparison.current
        if not candidate.run_id:
            return ""
        query = [("run", candidate.run_id), ("name", f"v{candidate.version}")]
        if current is not None and current.version.run_id:
            query += [("run", current.version.run_id), ("name", f"v{current.version.version} (Production)")]
        return f"{reverse('console:curves')}?{urlencode(query)}"


def request_page(actor: Actor, request_id: int | str) -> RequestPage:
    """Return the page of a request. Raises NotFound.

    The query count does not depend on how many checks, reviews and events there are.
    """
    case = load_case(find_request(actor, request_id))
    request, version = case.request, case.request.version
    comparison = _comparison(request)
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
        comparison=comparison,
        reviews=reviews_of(request)[::-1],
        overrides=_overrides(actor, case),
        threads=threads_of(actor, version),
        entries=trail(trail_for(*refs, stream=model_stream(version.model_id), limit=_TRAIL)),
        digest=live.digest,
        rejections=_rejections(actor, case),
        policy_label=case.policy.label,
        policy_id=case.policy.revision.policy_id,
        files=files_of(version, at=request.closed_at),
        card_diffs=_card_diffs(comparison),
        diff_url=diff_from_approved(version),
    )


def _comparison(request: TransitionRequest) -> Comparison:
    """Return the candidate and the version it replaces, side by side; a closed request shows both as at its closing."""
    other = compared_with(request)
    return compare(
        request.version,
        other.version if other else None,
        candidate_pinned=candidate_at_close(request),
        pinned=other.run if other else None,
        at=request.closed_at,
    )


def _card_diffs(comparison: Comparison) -> list[FieldDiff]:
    """Return the differences of the candidate's card from the card of the version it is compared with."""
    card = comparison.candidate.card
    current_card = comparison.current.card if comparison.current else None
    return diff_fields(current_card.body, card.body) if card and current_card else []


def _buttons(actor: Actor, case: Case, eligibility: Eligibility, rules: Sequence[RuleVerdict]) -> DecisionButtons:
    """Return the actions to offer. A decision that the person has taken already is not offered again."""
    may_decide = case.request.state == RequestState.OPEN and eligibility.can_decide
    has_failed_check = any(rule.kind == "check" and rule.blocks for rule in rules)
    return DecisionButtons(
        approve=may_decide and eligibility.last_decision != Decision.APPROVE,
        needs_checks=not case.checks_finished or has_failed_check,
        request_changes=may_decide and eligibility.last_decision != Decision.REQUEST_CHANGES,
        reject=eligibility.can_decide,
        give_reason=_may_give_reason(actor, case, rules),
        withdraw=case.request.state in LIVE_STATES and refusal_to_withdraw_request(actor, case.request) is None,
    )


def _may_give_reason(actor: Actor, case: Case, rules: Sequence[RuleVerdict]) -> bool:
    """Return whether a rule requires the reason of the request and this person may give it."""
    if case.request.state != RequestState.OPEN or not any(rule.kind == "reason" and rule.blocks for rule in rules):
        return False
    version = case.request.version
    return has_level(actor, version.model, level_to_ask(version.stage, case.request.target))


def _rejections(actor: Actor, case: Case) -> list[Rejection]:
    """Return the earlier rejections of the same files, newest first."""
    facts = case.snapshot.rejections[::-1]
    request_ids = {row.request_id for row in facts}
    visible = (
        set(visible_requests(actor).filter(pk__in=request_ids).values_list("pk", flat=True)) if request_ids else set()
    )
    return [Rejection(row, row.request_id in visible) for row in facts]


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
