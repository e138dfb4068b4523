"""Items that need attention on a model or a version: due reviews, findings, re-reviews, rollback and break-glass."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from approvals.case.re_review_dates import re_reviews_for
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models.oversight import Finding, FindingState, PostReview
from approvals.oversight.deployment_problems import problematic_deployments
from approvals.oversight.finding_queries import open_findings_of, visible_findings
from approvals.oversight.post_review_queries import open_post_reviews_of
from approvals.permissions.independent_reviews import refusal_to_confirm_version
from approvals.permissions.oversight import refusal_to_break_glass
from approvals.requests.targets import is_at_target
from approvals.verdict.facts import FindingFacts
from console.shell.first_rows import first_rows
from core.actors import Actor
from core.refs import version_ref
from lineage.quarantine import visible_taint
from policies.leaving import policies_of_move
from policies.matching import active_policies, model_facts
from policies.rules import BreakGlass, Severity
from policies.targets import exits_of, is_exit
from registry.models import Deployment, ModelVersion, RegisteredModel
from registry.permissions import Level, has_level
from registry.stages import target_left

_SHOWN = 25


@dataclass(frozen=True, slots=True)
class ModelAttention:
    """Items that need attention on a model.

    ``rollback_to`` is the version that a rollback would bring back, None where there is none or the person may not roll
    back. ``problems`` are sentences about the Production version. ``deployments`` are live and have a problem.
    """

    due_reviews: list[PostReview]
    findings: list[Finding]
    rollback_to: ModelVersion | None
    may_edit: bool
    problems: list[str]
    deployments: list[Deployment]


@dataclass(frozen=True, slots=True)
class VersionAttention:
    """Items that need attention on a version.

    ``findings_elsewhere`` are on the same files in other models. ``is_overdue`` tells that its re-review is overdue,
    ``may_confirm`` that this person may give the re-review. ``break_glass_targets`` are the targets that they may move
    it to in an emergency, without the policy.
    """

    due_reviews: list[PostReview]
    findings: list[Finding]
    findings_elsewhere: list[FindingFacts]
    is_overdue: bool
    may_confirm: bool
    break_glass_targets: list[str]
    may_edit: bool


def model_attention(actor: Actor, model: RegisteredModel, current: ModelVersion | None) -> ModelAttention:
    """Return the items that need attention on a model; a fixed number of queries."""
    may_edit = has_level(actor, model, Level.EDIT)
    candidates = rollback_candidates(model) if may_edit else []
    rollback_to = next((row.version for row in candidates if not row.obstacle), None)
    findings = visible_findings(actor, state=FindingState.OPEN, model=model.name)
    return ModelAttention(
        due_reviews=open_post_reviews_of(model),
        findings=first_rows(findings, _SHOWN),
        rollback_to=rollback_to,
        may_edit=may_edit,
        problems=_problems(actor, current) if current else [],
        deployments=list(problematic_deployments(actor).filter(version__model=model)[:_SHOWN]),
    )


def _problems(actor: Actor, current: ModelVersion) -> list[str]:
    """Return a sentence for each problem of the current Production version; a fixed number of queries."""
    findings = open_findings_of(current)
    critical = [
        *(f"The critical finding #{row.pk} is open: {row.title}" for row in findings.own if _is_critical(row)),
        *(f"A critical finding is open {fact.title}" for fact in findings.elsewhere if _is_critical(fact)),
    ]
    taint = visible_taint(actor, version_ref(current.model.name, current.version))
    quarantined = [
        f"A dataset of the version is quarantined: {row.node.name} {row.node.version}." for row in taint.quarantines[:3]
    ]
    if taint.has_hidden:
        quarantined.append("A dataset of the version that you may not see is quarantined.")
    return [*quarantined, *critical]


def _is_critical(finding: Finding | FindingFacts) -> bool:
    return finding.severity == Severity.CRITICAL


def version_attention(actor: Actor, version: ModelVersion) -> VersionAttention:
    """Return the items that need attention on a version; a fixed number of queries."""
    due, findings = version.review_due_at, open_findings_of(version)
    return VersionAttention(
        due_reviews=[row for row in open_post_reviews_of(version.model) if row.request.version_id == version.pk],
        findings=findings.own,
        findings_elsewhere=findings.elsewhere,
        is_overdue=due is not None and due <= timezone.now(),
        may_confirm=due is not None and _may_confirm(actor, version),
        break_glass_targets=break_glass_targets(actor, version),
        may_edit=has_level(actor, version.model, Level.EDIT),
    )


def _may_confirm(actor: Actor, version: ModelVersion) -> bool:
    reviews = re_reviews_for(version)
    return bool(reviews) and refusal_to_confirm_version(actor, version, reviews) is None


def _may_break_glass(actor: Actor, version: ModelVersion, option: BreakGlass) -> bool:
    return refusal_to_break_glass(actor, version, option) is None


def break_glass_targets(actor: Actor, version: ModelVersion) -> list[str]:
    """Return the targets that this person may move a version to in an emergency, without its policy."""
    if not has_level(actor, version.model, Level.EDIT):
        return []
    policies = active_policies()
    allowing = {policy.body.target for policy in policies if policy.body.options.break_glass is not None}
    if not allowing:
        return []
    facts = model_facts([version.model])[version.model_id]
    targets = []
    for target in sorted({target for policy_target in allowing for target in exits_of(policy_target)}):
        left_target = target_left(target, is_current=version.is_current)
        if is_exit(target) and not left_target:
            continue
        policy = policies_of_move(policies, facts, target, left_target).governing
        option = policy.body.options.break_glass if policy else None
        if option is not None and not is_at_target(version, target) and _may_break_glass(actor, version, option):
            targets.append(target)
    return targets
