"""The versions of a model that a rollback can bring back, and why others cannot be brought back."""

from __future__ import annotations

from dataclasses import dataclass

from approvals.case.earlier_approvals import versions_once_at
from policies.matching import policy_for
from policies.parsing import is_alias
from registry.models import Alias, ModelVersion, RegisteredModel
from registry.stages import Stage


@dataclass(frozen=True, slots=True)
class RollbackCandidate:
    """A version that was at a target before. ``obstacle`` says why it cannot be brought back, "" when it can."""

    version: ModelVersion
    obstacle: str


def rollback_candidates(model: RegisteredModel, target: str = Stage.PRODUCTION) -> list[RollbackCandidate]:
    """Return the versions that were at a target before and are not there now, the last one to leave first.

    Where a policy governs the target, candidates are versions with an applied request for it; elsewhere those that
    another version superseded. A fixed number of queries.
    """
    if policy_for(model, target) is None:
        rows = model.versions.filter(deleted_at__isnull=True, is_current=False, superseded_at__isnull=False)
        return [
            RollbackCandidate(row, "") for row in rows.select_related("model").order_by("-superseded_at", "-version")
        ]
    current = _version_at(model, target)
    earlier = versions_once_at(model, target)
    return [RollbackCandidate(row, approval.obstacle) for row, approval in earlier if row.pk != current]


def _version_at(model: RegisteredModel, target: str) -> int | None:
    if is_alias(target):
        return Alias.objects.filter(model=model, name=target[1:]).values_list("version_id", flat=True).first()
    return model.versions.filter(is_current=True).values_list("pk", flat=True).first()
