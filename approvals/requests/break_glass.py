"""Break-glass: opening a request for an emergency move."""

from __future__ import annotations

from accounts.passkeys.assertions import PasskeyAnswer
from approvals.models import TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.transition import advance_request
from core.actors import Actor
from policies.request_kinds import RequestKind
from policies.targets import GOVERNED_STAGES


def break_glass(
    *,
    actor: Actor,
    name: str,
    version: int,
    target: str,
    reason: str,
    archive_existing: bool = False,
    passkey: PasskeyAnswer | None = None,
    wait_seconds: float | None = None,
) -> TransitionRequest:
    """Open a break-glass request for a version and return it: applied, or waiting for the second person.

    It replaces an ordinary request that is open for the same move. ``passkey`` signs it, which a policy may need.

    Raises what `approvals.requests.open.open_request` raises; also Denied (only members of the groups that the policy
    names may), InvalidState (the policy does not allow break-glass), InvalidInput (no reason).
    """
    request = open_request(
        actor=actor,
        name=name,
        version=version,
        target=target,
        archive_existing=archive_existing and target in GOVERNED_STAGES,
        comment=reason,
        kind=RequestKind.BREAK_GLASS,
        passkey=passkey,
    )
    return advance_request(actor=actor, request=request, wait_seconds=wait_seconds)
