"""Errors of /api/v1 as problem+json (RFC 9457): the only place that maps domain errors to HTTP statuses."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response

from audit.services import record_denial
from core.actors import Actor, anonymous_actor
from core.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    DomainError,
    GateRefused,
    InvalidInput,
    InvalidState,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
)
from core.outages import RETRY_AFTER, is_outage, outage_message

logger = logging.getLogger(__name__)

# Subclasses come before their base classes: the first class that fits decides.
_STATUSES: tuple[tuple[type[DomainError], int], ...] = (
    (TooLarge, status.HTTP_413_REQUEST_ENTITY_TOO_LARGE),
    (InvalidInput, status.HTTP_400_BAD_REQUEST),
    (AlreadyExists, status.HTTP_409_CONFLICT),
    (NotFound, status.HTTP_404_NOT_FOUND),
    (InvalidState, status.HTTP_409_CONFLICT),
    (Conflict, status.HTTP_409_CONFLICT),
    (NotAuthenticated, status.HTTP_401_UNAUTHORIZED),
    (Denied, status.HTTP_403_FORBIDDEN),
    (Unavailable, status.HTTP_503_SERVICE_UNAVAILABLE),
)


def problem(code: int, kind: str, detail: str, **more: object) -> Response:
    """Return a response with one problem document."""
    title = kind.replace("_", " ")
    response = Response(
        {"type": f"urn:custody:error:{kind}", "title": title, "status": code, "detail": detail, **more},
        status=code,
        content_type="application/problem+json",
    )
    if code == status.HTTP_503_SERVICE_UNAVAILABLE:
        response["Retry-After"] = RETRY_AFTER
    if code == status.HTTP_401_UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Basic realm="Custody", charset="UTF-8"'
    return response


def problem_response(error: Exception, context: dict[str, Any]) -> Response:
    """Return the response for an exception of an API view, after recording a denial. It is DRF's EXCEPTION_HANDLER."""
    if isinstance(error, DomainError):
        if isinstance(error, Denied):
            try:
                record_denial(actor=_actor_of(context), error=error)
            except Unavailable as failure:
                return _domain_problem(failure)
        return _domain_problem(error)
    if isinstance(error, exceptions.ValidationError):
        return problem(400, "invalid", _sentence(error.detail), errors=error.detail)
    if isinstance(error, exceptions.APIException):
        return problem(error.status_code, error.default_code, str(error.detail))
    return _foreign_problem(error, context)


def _domain_problem(error: DomainError) -> Response:
    code = next((code for kind, code in _STATUSES if isinstance(error, kind)), 400)
    more = {"blocked_by": error.blocked_by, "request_id": error.request_id} if isinstance(error, GateRefused) else {}
    return problem(code, error.code, error.message, **more)


# Exceptions of Django and the database for bad input, in the order in which they are tried.
_FOREIGN: tuple[tuple[type[Exception], int, str, str], ...] = (
    (Http404, 404, "not_found", "Not found."),
    (DjangoPermissionDenied, 403, "denied", "You may not do this."),
    (RequestDataTooBig, 413, "too_large", "The request body is too large."),
    (SuspiciousOperation, 400, "invalid", "The request is malformed."),
    (DataError, 400, "invalid", "A value is too long or out of range for its field."),
    (IntegrityError, 409, "conflict", "Somebody else changed the same record at the same time. Try again."),
)


def _foreign_problem(error: Exception, context: dict[str, Any]) -> Response:
    """Return the response for an exception of Django or the database; an error of the server is logged."""
    if isinstance(error, ValueError) and "NUL" in str(error):
        return problem(400, "invalid", "Text must not contain NUL characters.")
    for kind, code, name, detail in _FOREIGN:
        if isinstance(error, kind):
            return problem(code, name, detail)
    logger.error("%s failed", type(context.get("view")).__name__, exc_info=error)
    if is_outage(error):
        return problem(503, "unavailable", outage_message(error))
    return problem(500, "server_error", "The server failed. Its log has the reason under this request id.")


def _actor_of(context: dict[str, Any]) -> Actor:
    request = context.get("request")
    actor = getattr(request, "auth", None)
    return actor if isinstance(actor, Actor) else anonymous_actor(request_id=getattr(request, "request_id", ""))


def _sentence(detail: object) -> str:
    """Return the nested validation errors of DRF as one text."""
    if isinstance(detail, dict):
        return " ".join(f"{field}: {_sentence(problem)}" for field, problem in detail.items())
    if isinstance(detail, list):
        return " ".join(_sentence(problem) for problem in detail)
    return str(detail)
