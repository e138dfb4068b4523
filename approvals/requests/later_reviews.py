"""Reviews after a move: the post-review, the findings of conditions, and the due date of the re-review."""

from __future__ import annotations

from approvals.models import TransitionRequest
from approvals.oversight.conditions import open_condition_findings
from approvals.oversight.post_reviews import open_post_review
from approvals.oversight.re_reviews import schedule_re_review
from core.actors import Actor
from policies.request_kinds import RequestKind
from policies.targets import is_alias
from registry.models import ModelVersion
from registry.stages import Stage


def schedule_later_reviews(*, actor: Actor, request: TransitionRequest) -> None:
    """Open the findings of conditions and the post-review of a break-glass move, and set the due date of the re-review.

    Runs in the caller's transaction, with the model locked, after the version was moved.
    """
    open_condition_findings(actor=actor, request=request)
    if request.kind == RequestKind.BREAK_GLASS:
        open_post_review(actor=actor, request=request)
    if request.target == Stage.PRODUCTION or is_alias(request.target):
        version = ModelVersion.objects.select_related("model").get(pk=request.version_id)
        schedule_re_review(actor=actor, version=version)
