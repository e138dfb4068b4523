"""Asking for an emergency move: the one door by which the glass is broken."""

from __future__ import annotations

from approvals.models import TransitionRequest
from approvals.policies.kinds import RequestKind
from approvals.policies.parsing import is_alias
from approvals.services.opening import open_request
from approvals.services.transitions import carry_on
from audit.actors import Actor


def break_glass(
    *,
    actor: Actor,
    name: str,
    version: int,
    target: str,
    reason: str,
    archive_existing: bool = False,
    wait_seconds: float | None = None,
) -> TransitionRequest:
    """Ask that a version move past its policy, and return the request: applied, or waiting for the second person.

    It takes the place of an ordinary request that is open for the same move. Raises as
    `approvals.services.opening.open_request` does; Denied for all but people of the policy's groups, InvalidState where the
    policy has no such way, InvalidInput without a reason.
    """
    request = open_request(
        actor=actor,
        name=name,
        version=version,
        target=target,
        archive_existing=archive_existing and not is_alias(target),
        comment=reason,
        kind=RequestKind.BREAK_GLASS,
    )
    return carry_on(actor=actor, request=request, wait_seconds=wait_seconds)
