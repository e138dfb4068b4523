"""Locks on findings and post-reviews. The order of locks is, as everywhere: model, request, the row itself."""

from __future__ import annotations

from approvals.case.locks import lock_request
from approvals.models.oversight import Finding, PostReview
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from registry.locks import lock_model
from registry.permissions import visible_models


def lock_finding(finding_id: int) -> Finding:
    """Lock the row of a finding's model and its own until commit. Return the finding. Raises NotFound."""
    rows = Finding.objects.filter(pk=row_id(finding_id))
    model_id = rows.values_list("model_id", flat=True).first()
    if model_id is None:
        raise NotFound(f"There is no finding {finding_id}.")
    lock_model(model_id)
    locked = rows.select_for_update(no_key=True, of=("self",))
    return locked.select_related("model", "version__model", "owner").get()


def lock_visible_finding(actor: Actor, finding_id: int) -> Finding:
    """Lock a finding as `lock_finding` does and return it. Raises NotFound, also if the actor may not see its model."""
    if not Finding.objects.filter(pk=row_id(finding_id), model__in=visible_models(actor)).exists():
        raise NotFound(f"There is no finding {finding_id}.")
    return lock_finding(finding_id)


def lock_post_review(post_review_id: int) -> PostReview:
    """Lock the rows of the model, the request and the post-review until commit. Return the post-review.

    Raises NotFound.
    """
    rows = PostReview.objects.filter(pk=row_id(post_review_id))
    request_id = rows.values_list("request_id", flat=True).first()
    if request_id is None:
        raise NotFound(f"There is no post-review {post_review_id}.")
    request = lock_request(request_id)
    row = rows.select_for_update(no_key=True, of=("self",)).select_related("requester").get()
    row.request = request
    return row


def lock_visible_post_review(actor: Actor, post_review_id: int) -> PostReview:
    """Lock a post-review as `lock_post_review` does and return it.

    Raises NotFound, also if the actor may not see its model.
    """
    rows = PostReview.objects.filter(pk=row_id(post_review_id), request__version__model__in=visible_models(actor))
    if not rows.exists():
        raise NotFound(f"There is no post-review {post_review_id}.")
    return lock_post_review(post_review_id)
