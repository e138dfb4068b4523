"""Counts for the sidebar: live deployments with a problem, and emergencies that still need a review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Value

from approvals.oversight.deployment_problems import problematic_deployments
from approvals.oversight.post_review_queries import visible_post_reviews
from core.actors import Actor


@dataclass(frozen=True, slots=True)
class OpenProblems:
    """The numbers of open problems that the actor may see."""

    deployments: int = 0
    emergencies: int = 0


def count_open_problems(actor: Actor) -> OpenProblems:
    """Count both in one statement."""
    deployments = _counted(problematic_deployments(actor), "deployments")
    counts = deployments.union(_counted(visible_post_reviews(actor, state="open"), "emergencies"), all=True)
    return OpenProblems(**dict(counts))


def _counted(rows: QuerySet[Any], kind: str) -> QuerySet[Any, Any]:
    """Return a statement of one row, the kind and the number; of no row where there is none."""
    groups = rows.order_by().annotate(counted=Value(kind)).values("counted")
    counts: QuerySet[Any, Any] = groups.annotate(number=Count("pk")).values_list("counted", "number")
    return counts
