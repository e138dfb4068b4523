"""Setting what a request was opened without: its reason, as through the MLflow API, and whether to archive.

The requester, or the first approver where the requester left it open, chooses whether the replaced version is archived.
"""

from __future__ import annotations

from django.db import transaction

from approvals.case.locks import lock_visible, require_live
from approvals.models import MAX_COMMENT, TransitionRequest
from approvals.requests.settle import settle_request
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import InvalidInput, InvalidState
from registry.names import check_text
from registry.permissions import level_to_ask, require_level


@transaction.atomic
def give_reason(*, actor: Actor, request_id: int, reason: str) -> TransitionRequest:
    """Set the reason of a live request, settle the request, and return it.

    Everybody who may ask for the move may give the reason. Raises NotFound, Denied, InvalidInput (no reason), TooLarge,
    InvalidState (the request is closed, or has a reason already, which reviewers may have read).
    """
    text = check_text(reason.strip(), "reason", MAX_COMMENT)
    if not text:
        raise InvalidInput("Say why. The reason is kept with your name.")
    request = lock_visible(actor, request_id)
    version = request.version
    level = level_to_ask(version.stage, request.target)
    require_level(actor, version.model, level, action=Action.APPROVALS_REQUEST_CHANGED, obj=request)
    require_live(request)
    if not add_reason(actor=actor, request=request, reason=text):
        raise InvalidState(f"Request #{request.pk} has a reason already.")
    return settle_request(actor=system_actor("settle_request", on_behalf_of=actor.name), request_id=request.pk).request


def add_reason(*, actor: Actor, request: TransitionRequest, reason: str) -> bool:
    """Set the comment of a live request that has none, and return whether it was set.

    Runs in the caller's transaction, with the request locked. The caller has checked that the actor may ask for the
    move.
    """
    if request.comment.strip() or not reason.strip():
        return False
    request.comment = reason
    request.save(update_fields=["comment"])
    record(
        actor=actor,
        action=Action.APPROVALS_REQUEST_CHANGED,
        obj=request,
        before={"comment": ""},
        after={"comment": reason},
        reason=reason,
    )
    return True


def set_archiving(*, actor: Actor, request: TransitionRequest, archive_existing: bool) -> None:
    """Store whether the replaced version is archived, in the caller's transaction with the request locked.

    This changes the subject digest, so reviews of the other choice no longer count.
    """
    before = request.archive_existing
    request.archive_existing, request.archive_left_open = archive_existing, False
    request.save(update_fields=["archive_existing", "archive_left_open"])
    record(
        actor=actor,
        action=Action.APPROVALS_REQUEST_CHANGED,
        obj=request,
        before={"archive_existing": before, "archive_left_open": True},
        after={"archive_existing": archive_existing},
    )
