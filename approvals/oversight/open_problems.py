"""Counts for the sidebar: live deployments with a problem, and break-glass moves whose post-review is open."""

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
    """Return the numbers of problematic deployments and open post-reviews that the actor may see; one query."""
    deployments = _counted(problematic_deployments(actor), "deployments")
    counts = deployments.union(_counted(visible_post_reviews(actor, state="open"), "emergencies"), all=True)
    return OpenProblems(**dict(counts))


def _counted(rows: QuerySet[Any], kind: str) -> QuerySet[Any, Any]:
    """Return a query of one row, ``kind`` and the number of ``rows``, or of no row if there are no ``rows``."""
    groups = rows.order_by().annotate(kind=Value(kind)).values("kind")
    counts: QuerySet[Any, Any] = groups.annotate(number=Count("pk")).values_list("kind", "number")
    return counts
