"""Asking for an emergency move: the one door by which the glass is broken."""

from __future__ import annotations

from approvals.models import TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.transition import carry_on
from core.actors import Actor
from policies.parsing import is_alias
from policies.request_kinds import RequestKind


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
    `approvals.requests.open.open_request` does; Denied for all but people of the policy's groups, InvalidState where the
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
