"""The reviews that an applied request makes due later, written in the transaction of the move."""

from __future__ import annotations

from approvals.models import TransitionRequest
from approvals.oversight.post_reviews import open_post_review
from approvals.oversight.re_reviews import schedule_re_review
from core.actors import Actor
from policies.parsing import is_alias
from policies.request_kinds import RequestKind
from registry.models import ModelVersion
from registry.stages import Stage


def schedule_later_reviews(*, actor: Actor, request: TransitionRequest) -> None:
    """Open the post-review of a break-glass move, and set when the version's re-review is due.

    Runs in the caller's transaction, with the model locked and the version moved.
    """
    if request.kind == RequestKind.BREAK_GLASS:
        open_post_review(actor=actor, request=request)
    if request.target == Stage.PRODUCTION or is_alias(request.target):
        version = ModelVersion.objects.select_related("model").get(pk=request.version_id)
        schedule_re_review(actor=actor, version=version)
