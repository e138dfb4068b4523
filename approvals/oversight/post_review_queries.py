"""Queries on post-reviews, for list views, pages and the job that records overdue ones."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from approvals.models.oversight import PostReview
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from registry.models import RegisteredModel
from registry.permissions import visible_models


def visible_post_reviews(actor: Actor, *, state: str = "", model: str = "") -> QuerySet[PostReview]:
    """Return the post-reviews the actor may see, the earliest due date first.

    ``state``: open, overdue (recorded as overdue), completed, or "" for all.
    """
    rows = PostReview.objects.filter(request__version__model__in=visible_models(actor))
    if state == "completed":
        rows = rows.filter(completed_at__isnull=False)
    elif state:
        rows = rows.filter(completed_at__isnull=True)
    if state == "overdue":
        rows = rows.filter(overdue_at__isnull=False)
    if model:
        rows = rows.filter(request__version__model__name=model)
    return _with_relations(rows).order_by("due_at", "pk")


def get_post_review(actor: Actor, post_review_id: int) -> PostReview:
    """Return one post-review. Raises NotFound."""
    rows = visible_post_reviews(actor)
    post_review = rows.filter(pk=row_id(post_review_id)).first()
    if post_review is None:
        raise NotFound(f"There is no post-review {post_review_id}.")
    return post_review


def overdue_post_reviews(now: datetime) -> list[int]:
    """Return the ids of post-reviews past their due date that are not recorded as overdue yet; at most 500."""
    rows = PostReview.objects.filter(completed_at__isnull=True, overdue_at__isnull=True, due_at__lte=now)
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:500])


def open_post_reviews_of(model: RegisteredModel) -> list[PostReview]:
    """Return the post-reviews of a model that are not completed, the earliest due date first."""
    rows = PostReview.objects.filter(request__version__model=model, completed_at__isnull=True)
    return list(_with_relations(rows).order_by("due_at", "pk"))


def _with_relations(rows: QuerySet[PostReview]) -> QuerySet[PostReview]:
    return rows.select_related(
        "request__version__model", "request__policy_revision__policy", "request__followed_revision__policy",
        "request__leave_revision__policy",         "requester", "completed_by", "request__requester",
    )  # fmt: skip
