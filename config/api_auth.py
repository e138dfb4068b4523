"""Authentication of /api/v1: an API token (Bearer, or the password of Basic), or a signed-in person with a CSRF token.

`request.auth` is the Actor. A view may name the scope of each method in `required_scopes`; by default reading needs
`registry:read` and everything else `registry:write`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.authentication import actor_from_secret, actor_from_user, presented_secret, require_scope
from accounts.models import User
from audit.actions import Action
from core.actors import Actor, Scope
from core.errors import NotAuthenticated

if TYPE_CHECKING:  # rest_framework.views imports this module while it is itself being imported
    from rest_framework.views import APIView

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class TokenAuthentication(BaseAuthentication):
    """An API token, or the secret of an approval session, in the Authorization header.

    No CSRF token is needed, because the credential is not a cookie.
    """

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """Return user and actor of the secret, None where there is none. Raises NotAuthenticated for a wrong one."""
        secret = presented_secret(request.headers.get("Authorization", ""))
        if secret is None:
            return None
        actor = actor_from_secret(secret, request_id=getattr(request, "request_id", ""))
        return User.objects.get(username=actor.name), actor

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002 - DRF's signature
        """Return the value of WWW-Authenticate."""
        return 'Basic realm="Custody", charset="UTF-8"'


class SessionAuthentication(BaseAuthentication):
    """A person who signed in through the login page. Writing needs the CSRF token, as in every form."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:
        """Return user and actor of the session, None where there is none.

        Raises PermissionDenied for a write without a CSRF token.
        """
        user = getattr(request._request, "user", None)  # noqa: SLF001 - how DRF's own session authentication reads it
        if not isinstance(user, User) or not user.is_active:
            return None
        _require_csrf(request._request)  # noqa: SLF001 - Django's request inside DRF's
        return user, actor_from_user(user, auth="session", request_id=getattr(request, "request_id", ""))


def _require_csrf(request: HttpRequest) -> None:
    if request.method in _SAFE:
        return
    check = CSRFCheck(lambda _: None)  # type: ignore[arg-type]  # as in DRF's own SessionAuthentication
    check.process_request(request)
    reason = check.process_view(request, None, (), {})  # type: ignore[arg-type]  # likewise
    if reason:
        raise PermissionDenied(f"CSRF Failed: {reason}")


class IsAuthenticatedWithScope(BasePermission):
    """Requires an authenticated caller whose token has the scope of the call."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True. Raises NotAuthenticated without an identity, Denied where the token lacks the scope."""
        actor = request.auth
        if not isinstance(actor, Actor):
            raise NotAuthenticated("Sign in, or send an API token as Bearer or as the password of Basic.")
        by_method: dict[str, Scope] = getattr(view, "required_scopes", {})
        method = request.method or ""
        default = Scope.REGISTRY_READ if method in _SAFE else Scope.REGISTRY_WRITE
        require_scope(actor, by_method.get(method, default), action=Action.API_CALLED, obj=request.path[:500])
        return True
