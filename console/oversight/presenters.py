"""What the pages of a model and of a version show besides the promotion: what is owed, found, due, and possible at once."""

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
from registry.models import ModelVersion, RegisteredModel
from registry.permissions import Level, has_level

_SHOWN = 25


@dataclass(frozen=True, slots=True)
class ModelWatch:
    """``way_back`` is the version a rollback would bring back, None where there is none or the person may not."""

    owed: list[PostReview]
    findings: list[Finding]
    way_back: ModelVersion | None
    may_edit: bool


@dataclass(frozen=True, slots=True)
class VersionWatch:
    """``may_confirm``: a re-review is asked for and this person may give it. ``glass``: targets they may move it to past
    the policy in an emergency."""

    owed: list[PostReview]
    findings: list[Finding]
    is_overdue: bool
    may_confirm: bool
    glass: list[str]
    may_edit: bool


def watch_model(actor: Actor, model: RegisteredModel, *, has_current: bool) -> ModelWatch:
    """Return what the page of a model shows; a fixed number of queries."""
    may_edit = has_level(actor, model, Level.EDIT)
    back = [row.version for row in rollback_candidates(model) if not row.obstacle] if may_edit and has_current else []
    findings = visible_findings(actor, state=FindingState.OPEN, model=model.name)
    return ModelWatch(open_post_reviews_of(model), list(findings[:_SHOWN]), back[0] if back else None, may_edit)


def watch_version(actor: Actor, version: ModelVersion) -> VersionWatch:
    """Return what the page of a version shows; a fixed number of queries."""
    due = version.review_due_at
    return VersionWatch(
        owed=[row for row in open_post_reviews_of(version.model) if row.request.version_id == version.pk],
        findings=open_findings_of(version),
        is_overdue=due is not None and due <= timezone.now(),
        may_confirm=due is not None and _may_confirm(actor, version),
        glass=glass_targets(actor, version),
        may_edit=has_level(actor, version.model, Level.EDIT),
    )


def _may_confirm(actor: Actor, version: ModelVersion) -> bool:
    places = re_reviews_for(version)
    return bool(places) and refusal_to_confirm_version(actor, version, places) is None


def glass_targets(actor: Actor, version: ModelVersion) -> list[str]:
    """Return where this person may move a version past its policy in an emergency."""
    if not has_level(actor, version.model, Level.EDIT):
        return []
    policies = [policy for policy in active_policies() if policy.body.options.break_glass is not None]
    if not policies:
        return []
    everything = active_policies()
    facts = model_facts([version.model])[version.model_id]
    found = []
    for target in sorted({policy.body.target for policy in policies}):
        policy = governing_policy(everything, facts, target)
        option = policy.body.options.break_glass if policy else None
        if (
            option is not None
            and not is_there(version, target)
            and refusal_to_break_glass(actor, version, option) is None
        ):
            found.append(target)
    return found
