"""The view of /scim/v2: off unless CUSTODY_SCIM_ACCOUNT names an account, and for tokens of that account alone."""

from __future__ import annotations

import logging
from importlib import import_module

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from accounts.authentication import actor_from_token, presented_secret
from accounts.groups.provisioners import require_provisioner
from accounts.scim.errors import error_response, response_of
from core.actors import Actor, anonymous_actor
from core.errors import NotAuthenticated

logger = logging.getLogger(__name__)

_OFF = "SCIM is off: CUSTODY_SCIM_ACCOUNT names no account."


@csrf_exempt  # the credential is a header, not a cookie
def scim(request: HttpRequest, path: str = "") -> HttpResponse:
    """Return the answer to a request of an identity provider; an error is one of SCIM."""
    if not settings.SCIM_ACCOUNT:
        return error_response(404, _OFF)
    actor = anonymous_actor(request_id=getattr(request, "request_id", ""))
    try:
        actor = _actor_of(request)
        require_provisioner(actor, request.path[:500])
        answered: HttpResponse = import_module("accounts.scim.server").answer(request, path, actor)
    except Exception as error:  # noqa: BLE001 - each is answered in SCIM's format, and a fault of ours is logged
        answered = response_of(error, actor) or _fault(error)
    answered["Cache-Control"] = "no-store"
    return answered


def _actor_of(request: HttpRequest) -> Actor:
    """Return the actor of the API token. Raises NotAuthenticated; the session of a browser is no credential here."""
    secret = presented_secret(request.headers.get("Authorization", ""))
    if secret is None:
        raise NotAuthenticated("Send an API token as Bearer.")
    return actor_from_token(secret, request_id=getattr(request, "request_id", ""))


def _fault(error: Exception) -> HttpResponse:
    logger.error("SCIM failed", exc_info=error)
    return error_response(500, "The server failed. Its log has the reason under this request id.")
