"""Locking findings and post-reviews.

Lock order, as everywhere: the model's row, then the request's, then the row itself.
"""

from __future__ import annotations

from approvals.case.locks import lock_request
from approvals.models.oversight import Finding, PostReview
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from registry.locks import lock_model
from registry.permissions import visible_models


def lock_finding(finding_id: int) -> Finding:
    """Return a finding with its model's row and its own locked until commit. Raises NotFound."""
    rows = Finding.objects.filter(pk=row_id(finding_id))
    model_id = rows.values_list("model_id", flat=True).first()
    if model_id is None:
        raise NotFound(f"There is no finding {finding_id}.")
    lock_model(model_id)
    locked = rows.select_for_update(no_key=True, of=("self",))
    return locked.select_related("model", "version__model", "owner").get()


def lock_visible_finding(actor: Actor, finding_id: int) -> Finding:
    """Return a locked finding on a model that the actor may see. Raises NotFound."""
    if not Finding.objects.filter(pk=row_id(finding_id), model__in=visible_models(actor)).exists():
        raise NotFound(f"There is no finding {finding_id}.")
    return lock_finding(finding_id)


def lock_post_review(post_review_id: int) -> PostReview:
    """Return a post-review with its request, both and the model's row locked until commit. Raises NotFound."""
    rows = PostReview.objects.filter(pk=row_id(post_review_id))
    request_id = rows.values_list("request_id", flat=True).first()
    if request_id is None:
        raise NotFound(f"There is no post-review {post_review_id}.")
    request = lock_request(request_id)
    row = rows.select_for_update(no_key=True, of=("self",)).select_related("requester").get()
    row.request = request
    return row


def lock_visible_post_review(actor: Actor, post_review_id: int) -> PostReview:
    """Return a locked post-review of a model that the actor may see. Raises NotFound."""
    rows = PostReview.objects.filter(pk=row_id(post_review_id), request__version__model__in=visible_models(actor))
    if not rows.exists():
        raise NotFound(f"There is no post-review {post_review_id}.")
    return lock_post_review(post_review_id)
