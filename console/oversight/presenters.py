"""Items that need attention on a model or a version: due reviews, findings, re-reviews, rollback and break-glass."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from approvals.case.re_review_dates import re_reviews_for
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models.oversight import Finding, FindingState, PostReview
from approvals.oversight.finding_queries import open_findings_of, visible_findings
from approvals.oversight.post_review_queries import open_post_reviews_of
from approvals.permissions.independent_reviews import refusal_to_confirm_version
from approvals.permissions.oversight import refusal_to_break_glass
from approvals.requests.targets import is_there
from core.actors import Actor
from policies.matching import active_policies, governing_policy, model_facts
from policies.rules import BreakGlass
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, has_level

_SHOWN = 25


@dataclass(frozen=True, slots=True)
class ModelWatch:
    """What needs attention on a model.

    ``rollback_to`` is the version a rollback would bring back, None where there is none or the person may not.
    """

    due_reviews: list[PostReview]
    findings: list[Finding]
    rollback_to: ModelVersion | None
    may_edit: bool


@dataclass(frozen=True, slots=True)
class VersionWatch:
    """What needs attention on a version.

    ``may_confirm`` tells that a re-review is due and this person may give it. ``break_glass_targets`` are the stages and
    aliases that they may move it to past the policy.
    """

    due_reviews: list[PostReview]
    findings: list[Finding]
    is_overdue: bool
    may_confirm: bool
    break_glass_targets: list[str]
    may_edit: bool


def watch_model(actor: Actor, model: RegisteredModel, *, has_current: bool) -> ModelWatch:
    """Return what needs attention on a model; a fixed number of queries."""
    may_edit = has_level(actor, model, Level.EDIT)
    candidates = rollback_candidates(model) if may_edit and has_current else []
    rollback_to = next((row.version for row in candidates if not row.obstacle), None)
    findings = visible_findings(actor, state=FindingState.OPEN, model=model.name)
    return ModelWatch(open_post_reviews_of(model), list(findings[:_SHOWN]), rollback_to, may_edit)


def watch_version(actor: Actor, version: ModelVersion) -> VersionWatch:
    """Return what needs attention on a version; a fixed number of queries."""
    due = version.review_due_at
    return VersionWatch(
        due_reviews=[row for row in open_post_reviews_of(version.model) if row.request.version_id == version.pk],
        findings=open_findings_of(version),
        is_overdue=due is not None and due <= timezone.now(),
        may_confirm=due is not None and _may_confirm(actor, version),
        break_glass_targets=break_glass_targets(actor, version),
        may_edit=has_level(actor, version.model, Level.EDIT),
    )


def _may_confirm(actor: Actor, version: ModelVersion) -> bool:
    places = re_reviews_for(version)
    return bool(places) and refusal_to_confirm_version(actor, version, places) is None


def _may_break_glass(actor: Actor, version: ModelVersion, option: BreakGlass) -> bool:
    return refusal_to_break_glass(actor, version, option) is None


def break_glass_targets(actor: Actor, version: ModelVersion) -> list[str]:
    """Return the stages and aliases that this person may move a version to past its policy in an emergency."""
    if not has_level(actor, version.model, Level.EDIT):
        return []
    policies = active_policies()
    allowing = {policy.body.target for policy in policies if policy.body.options.break_glass is not None}
    if not allowing:
        return []
    facts = model_facts([version.model])[version.model_id]
    targets = []
    for target in sorted(allowing):
        policy = governing_policy(policies, facts, target)
        option = policy.body.options.break_glass if policy else None
        if option is not None and not is_there(version, target) and _may_break_glass(actor, version, option):
            targets.append(target)
    return targets
