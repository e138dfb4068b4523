"""What can go wrong in the domain, without a word of HTTP. Each door maps these to its own responses in one file."""

from __future__ import annotations

from typing import TypedDict

from core.refs import Auditable, event_object_of


class Blocker(TypedDict):
    """One line of "what blocks this": the rule, why, who can resolve it, and since when (ISO 8601, UTC)."""

    rule: str
    why: str
    who_can_resolve: str
    since: str


class DomainError(Exception):
    """A refusal with a message for the caller. ``code`` is stable and lower case."""

    code = "error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class InvalidInput(DomainError):
    """The caller sent something that cannot be right, whatever the state."""

    code = "invalid"


class TooLarge(InvalidInput):
    """The caller sent more than a documented limit allows."""

    code = "too_large"


class NotFound(DomainError):
    """There is no such thing, or the caller may not know that there is."""

    code = "not_found"


class AlreadyExists(DomainError):
    """A unique name is taken."""

    code = "already_exists"


class Conflict(DomainError):
    """The thing is not in the state the caller assumed."""

    code = "conflict"


class InvalidState(DomainError):
    """The operation makes no sense in the present state (MLflow's INVALID_STATE)."""

    code = "invalid_state"


class Unavailable(DomainError):
    """Not now, and through no fault of the caller: the same call may succeed in a moment."""

    code = "unavailable"


class NotAuthenticated(DomainError):
    """The caller did not prove who they are."""

    code = "unauthenticated"


class Denied(DomainError):
    """The caller may not do this. The door records it as an event after the transaction has rolled back.

    ``action`` is the audit action that was refused. ``obj`` is the row that it was refused on, or its reference, in which
    case ``stream`` is its event stream.
    ``recorded`` is True where the service has already committed the denial together with other effects.
    """

    code = "denied"

    def __init__(
        self, message: str, *, action: str, obj: str | Auditable = "", stream: str = "", recorded: bool = False
    ) -> None:
        super().__init__(message)
        self.action = action
        self.obj, self.stream = event_object_of(obj, stream)
        self.recorded = recorded


class GateRefused(Denied):
    """A gate stands between the version and the target: what is missing, and the request that collects it."""

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
