"""Counts for the sidebar: live deployments with a problem, and break-glass moves whose post-review is open."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, QuerySet, Value

from approvals.oversight.deployment_problems import problematic_deployments
from approvals.oversight.post_review_queries import visible_post_reviews
from core.actors import Actor
from core.orm.compiled_queries import CompiledQuery, compiled, identity_of


@dataclass(frozen=True, slots=True)
class OpenProblems:
    """The numbers of open problems that the actor may see."""

    deployments: int = 0
    emergencies: int = 0


def count_open_problems(actor: Actor) -> OpenProblems:
    """Return the numbers of problematic deployments and open post-reviews that the actor may see; one query."""
    statement = _statement(identity_of(actor), settings.DEFAULT_MODEL_LEVEL, connection.vendor)
    return OpenProblems(**dict(statement.rows()))


@lru_cache(maxsize=512)
def _statement(actor: Actor, _default_level: str, _vendor: str) -> CompiledQuery:
    deployments = _counted(problematic_deployments(actor), "deployments")
    return compiled(deployments.union(_counted(visible_post_reviews(actor, state="open"), "emergencies"), all=True))


def _counted(rows: QuerySet[Any], kind: str) -> QuerySet[Any, Any]:
    """Return a query of one row, ``kind`` and the number of ``rows``, or of no row if there are no ``rows``."""
    groups = rows.order_by().annotate(kind=Value(kind)).values("kind")
    counts: QuerySet[Any, Any] = groups.annotate(number=Count("pk")).values_list("kind", "number")
    return counts
