"""The versions of a model that were at a target before, and the reason why a rollback cannot bring one back."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Coalesce

from approvals.case.earlier_approvals import versions_previously_at
from audit.actions import Action
from audit.models import Event
from core.ids import row_id
from core.refs import model_stream
from policies.matching import policy_for
from policies.targets import is_alias
from policies.transitions import transition_refusal
from registry.models import Alias, ModelVersion, RegisteredModel
from registry.stages import Stage


@dataclass(frozen=True, slots=True)
class RollbackCandidate:
    """A version that was at a target before. ``obstacle`` says why it cannot be brought back, "" when it can."""

    version: ModelVersion
    obstacle: str


def rollback_candidates(model: RegisteredModel, target: str = Stage.PRODUCTION) -> list[RollbackCandidate]:
    """Return the versions that were at a target before and are not there now, the last one to leave first.

    Where a policy governs the target, candidates are the versions with an approved and applied request for it. Without
    a policy the target must be Production, and candidates are the versions that left it: another version superseded
    them, or none took their place. The current Production version is no candidate for any stage. A fixed number of
    queries.
    """
    if policy_for(model, target) is None:
        was_there = Q(superseded_at__isnull=False) | Q(version__in=_left_production(model))
        rows = model.versions.filter(was_there, deleted_at__isnull=True, is_current=False).select_related("model")
        return [
            RollbackCandidate(row, "")
            for row in rows.order_by(Coalesce("superseded_at", "staged_at").desc(), "-version")
        ]
    at_target = _versions_at(model, target)
    earlier = [(row, approval) for row, approval in versions_previously_at(model, target) if row.pk not in at_target]
    refusals = {stage: transition_refusal(model, stage, target) for stage in {row.stage for row, _ in earlier}}
    return [RollbackCandidate(row, approval.obstacle or refusals[row.stage]) for row, approval in earlier]


def _left_production(model: RegisteredModel) -> list[int]:
    """Return the numbers of the versions that left Production without a successor, read from the audit events."""
    events = Event.objects.filter(stream=model_stream(model.pk), action=Action.REGISTRY_PRODUCTION_LEFT, outcome="ok")
    refs = events.values_list("object_ref", flat=True).distinct()
    return [number for ref in refs if (number := row_id(ref.rpartition("/")[2]))]


def _versions_at(model: RegisteredModel, target: str) -> set[int]:
    """Return the ids of the versions at a target now; for a stage, with the current Production version."""
    if is_alias(target):
        return set(Alias.objects.filter(model=model, name=target[1:]).values_list("version_id", flat=True))
    at_stage = Q(stage=target) if target != Stage.PRODUCTION else Q()
    rows = model.versions.filter(Q(is_current=True) | at_stage)
    return set(rows.values_list("pk", flat=True))
