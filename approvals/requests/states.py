"""The table of state transitions of a transition request: the audit event of each, and who makes it.

The only writer (approvals/requests/change_state.py), the documentation, the database guard and the tests follow it.
"""

from __future__ import annotations

from dataclasses import dataclass

from approvals.models import LIVE_STATES, RequestState
from audit.actions import Action
from core.errors import InvalidState


@dataclass(frozen=True, slots=True)
class RequestTransition:
    """One transition. ``source`` is None for a new request. ``who`` says in the documentation who makes it."""

    source: RequestState | None
    target: RequestState
    action: Action
    who: str

    @property
    def closes(self) -> bool:
        """Return whether the transition closes the request: no other state follows the target state."""
        return self.target not in LIVE_STATES


_REVIEWER = "a reviewer who may decide on the request"
_REQUESTER = "the requester, the owner of the service account that is the requester, whoever manages the model"
_CLOCK = "the system, when `expires_after` of the policy has passed"

REQUEST_TRANSITIONS: tuple[RequestTransition, ...] = (
    RequestTransition(
        None,
        RequestState.OPEN,
        Action.APPROVALS_REQUEST_OPENED,
        "an account that may edit the model; to leave Production, one that may move its Production versions",
    ),
    RequestTransition(
        RequestState.OPEN,
        RequestState.APPROVED,
        Action.APPROVALS_REQUEST_APPROVED,
        "the system, when no rule of the policy blocks",
    ),
    RequestTransition(RequestState.OPEN, RequestState.REJECTED, Action.APPROVALS_REQUEST_REJECTED, _REVIEWER),
    RequestTransition(RequestState.OPEN, RequestState.WITHDRAWN, Action.APPROVALS_REQUEST_WITHDRAWN, _REQUESTER),
    RequestTransition(RequestState.OPEN, RequestState.EXPIRED, Action.APPROVALS_REQUEST_EXPIRED, _CLOCK),
    RequestTransition(
        RequestState.OPEN,
        RequestState.STALE,
        Action.APPROVALS_REQUEST_STALED,
        "the system, when a break-glass request for the same move replaces it",
    ),
    RequestTransition(
        RequestState.APPROVED,
        RequestState.APPLIED,
        Action.APPROVALS_REQUEST_APPLIED,
        "the system, or the requester's next call, with the move itself",
    ),
    RequestTransition(RequestState.APPROVED, RequestState.REJECTED, Action.APPROVALS_REQUEST_REJECTED, _REVIEWER),
    RequestTransition(RequestState.APPROVED, RequestState.WITHDRAWN, Action.APPROVALS_REQUEST_WITHDRAWN, _REQUESTER),
    RequestTransition(RequestState.APPROVED, RequestState.EXPIRED, Action.APPROVALS_REQUEST_EXPIRED, _CLOCK),
    RequestTransition(
        RequestState.APPROVED,
        RequestState.STALE,
        Action.APPROVALS_REQUEST_STALED,
        "the system, when the approved state has changed or the requester has lost the right to request it",
    ),
)
_BY_EDGE = {(edge.source, edge.target): edge for edge in REQUEST_TRANSITIONS}


def find_request_transition(source: str | None, target: RequestState) -> RequestTransition:
    """Return the transition from one state to another. Raises InvalidState if there is none."""
    edge = _BY_EDGE.get((RequestState(source) if source else None, target))
    if edge is None:
        raise InvalidState(f"A request that is {source or 'new'} cannot become {target.value}.")
    return edge
