"""Errors of the domain, without HTTP. Each interface (MLflow, REST, pages) maps them to its responses in one file."""

from __future__ import annotations

from typing import TypedDict

from core.refs import Auditable, event_object_of


class Blocker(TypedDict):
    """One reason why a request is blocked: the rule, why, who can resolve it, and since when (ISO 8601, UTC)."""

    rule: str
    why: str
    who_can_resolve: str
    since: str


class DomainError(Exception):
    """A refusal with a message for the caller. ``code`` is stable and in lower case."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(DomainError):
    """The caller sent a value that is invalid in every state."""

    code = "invalid"


class TooLarge(InvalidInput):
    """The caller sent more than a documented limit allows."""

    code = "too_large"


class NotFound(DomainError):
    """The object does not exist, or the caller may not see that it exists."""

    code = "not_found"


class AlreadyExists(DomainError):
    """Another object has this unique name."""

    code = "already_exists"


class Conflict(DomainError):
    """The object is not in the state that the caller expected."""

    code = "conflict"


class InvalidState(DomainError):
    """The operation is not possible in the present state (MLflow's INVALID_STATE)."""

    code = "invalid_state"


class Unavailable(DomainError):
    """The server cannot answer now, through no fault of the caller. The same call may succeed in a moment."""

    code = "unavailable"


class NotAuthenticated(DomainError):
    """The caller sent no valid credentials."""

    code = "unauthenticated"


class Denied(DomainError):
    """The caller may not do this. The interface records the refusal as an event after the transaction has rolled back.

    ``action`` is the audit action that was refused. ``obj`` is the row that it was refused on, or its reference, in
    which case ``stream`` is its event stream. ``recorded`` is True where the service has already committed the refusal
    together with other effects.
    """

    code = "denied"

    def __init__(
        self, message: str, *, action: str, obj: str | Auditable = "", stream: str = "", recorded: bool = False
    ) -> None:
        super().__init__(message)
        self.action = action
        self.obj, self.stream = event_object_of(obj, stream)
        self.recorded = recorded


class GateFailed(Denied):
    """A gate raised an error, so the transition is refused. The request stays unchanged."""

    code = "gate_failed"


class GateRefused(Denied):
    """A gate refused a transition.

    ``blocked_by`` lists the reasons; ``request_id`` is the request that collects approvals.
    """

    code = "gate_refused"

    def __init__(
        self,
        message: str,
        *,
        action: str,
        obj: str | Auditable,
        stream: str = "",
        blocked_by: list[Blocker],
        request_id: int | None = None,
        recorded: bool = False,
    ) -> None:
        super().__init__(message, action=action, obj=obj, stream=stream, recorded=recorded)
        self.blocked_by = blocked_by
        self.request_id = request_id
