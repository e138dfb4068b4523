"""The choice whether the replaced version is archived. The requester or, if they left it open, the first approver makes
it.
"""

from __future__ import annotations

from approvals.models import TransitionRequest
from audit.actions import Action
from audit.services import record
from core.actors import Actor


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
