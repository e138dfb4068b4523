"""The actor of every call. Every service takes an explicit `actor`; nothing reads one from a global state."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.errors import NotAuthenticated


class ActorKind(StrEnum):
    """The kinds of identity that act."""

    USER = "user"
    SERVICE = "service"
    SYSTEM = "system"
    ANONYMOUS = "anonymous"


class Scope(StrEnum):
    """The scopes of API tokens. No scope allows approving."""

    REGISTRY_READ = "registry:read"
    REGISTRY_WRITE = "registry:write"
    AUDIT_EXPORT = "audit:export"
    ACCOUNTS_MANAGE = "accounts:manage"
    ACCOUNTS_PROVISION = "accounts:provision"


ALL_SCOPES = frozenset(Scope)
# A token gets these where none are named: an identity provider's scope has to be asked for.
DEFAULT_SCOPES = ALL_SCOPES - {Scope.ACCOUNTS_PROVISION}


@dataclass(frozen=True, slots=True)
class Actor:
    """An identity that acts in one request or job.

    ``name`` is the username at that time; ``user_id`` is None for the system and for anonymous callers. ``auth`` says
    how the identity was proved: ``session``, ``token``, ``command``, ``system`` or ``none``. ``on_behalf_of`` is the
    username for whom a job acts.
    """

    kind: ActorKind
    name: str
    user_id: int | None = None
    auth: str = "system"
    is_superuser: bool = False
    scopes: frozenset[str] = field(default=ALL_SCOPES)
    request_id: str = ""
    on_behalf_of: str = ""

    @property
    def ref(self) -> str:
        """Return the stable reference that events store, for example ``user:12``."""
        return f"{self.kind}:{self.user_id}" if self.user_id is not None else f"{self.kind}:{self.name}"


def system_actor(job: str, *, on_behalf_of: str = "", request_id: str = "") -> Actor:
    """Return the actor of a background job; its reference is ``system:<job>``."""
    return Actor(kind=ActorKind.SYSTEM, name=job, on_behalf_of=on_behalf_of, request_id=request_id)


def anonymous_actor(*, request_id: str = "") -> Actor:
    """Return the actor of a caller without credentials."""
    return Actor(kind=ActorKind.ANONYMOUS, name="anonymous", auth="none", scopes=frozenset(), request_id=request_id)


def actor_of(request: object) -> Actor:
    """Return the Actor that the REST API's authentication stored on the request as ``auth``.

    Raises NotAuthenticated where it stored none.
    """
    actor = getattr(request, "auth", None)
    if not isinstance(actor, Actor):
        raise NotAuthenticated("Sign in, or send an API token.")
    return actor
