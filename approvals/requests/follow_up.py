"""What follows when a request has been carried out, in the same transaction: alarms, reviews that are owed, dates that are set."""

from __future__ import annotations

from approvals.models import TransitionRequest
from approvals.oversight.emergencies import owe_post_review
from approvals.oversight.re_reviews import schedule_re_review
from core.actors import Actor
from policies.parsing import is_alias
from policies.request_kinds import RequestKind
from registry.models import ModelVersion
from registry.stages import Stage


def follow_up(*, actor: Actor, request: TransitionRequest) -> None:
    """Draw the consequences of a move that has just been made. The caller holds the model's lock."""
    if request.kind == RequestKind.BREAK_GLASS:
        owe_post_review(actor=actor, request=request)
    if request.target == Stage.PRODUCTION or is_alias(request.target):
        version = ModelVersion.objects.select_related("model").get(pk=request.version_id)
        schedule_re_review(actor=actor, version=version)
