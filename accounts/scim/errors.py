"""Errors of /scim/v2 in the format of RFC 7644, section 3.12: the only place that maps domain errors to them."""

from __future__ import annotations

import json
from http import HTTPStatus

from django.db import DataError, IntegrityError
from django.http import HttpResponse

from accounts.scim.documents import MEDIA_TYPE, error_document
from audit.services import record_denial
from core.actors import Actor
from core.errors import (
    AlreadyExists,
    Conflict,
    Denied,
    DomainError,
    InvalidInput,
    InvalidState,
    NotAuthenticated,
    NotFound,
    TooLarge,
    Unavailable,
)
from core.outages import RETRY_AFTER, is_outage, outage_message

# Subclasses come before their base classes: the first class that fits decides. With the scimType, "" for none.
_KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (TooLarge, 413, ""),
    (InvalidInput, 400, "invalidValue"),
    (AlreadyExists, 409, "uniqueness"),
    (NotFound, 404, ""),
    (InvalidState, 409, ""),
    (Conflict, 409, ""),
    (NotAuthenticated, 401, ""),
    (Denied, 403, ""),
    (Unavailable, 503, ""),
)
_FOREIGN: tuple[tuple[type[Exception], int, str, str], ...] = (
    (DataError, 400, "invalidValue", "A value is too long or out of range for its field."),
    (IntegrityError, 409, "", "Somebody else changed the same record at the same time. Try again."),
)


def error_response(status: int, detail: str, kind: str = "") -> HttpResponse:
    """Return the response of an error."""
    response = HttpResponse(json.dumps(error_document(status, detail, kind)), status=status, content_type=MEDIA_TYPE)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response["Retry-After"] = RETRY_AFTER
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="SCIM"'
    return response


def response_of(error: Exception, actor: Actor) -> HttpResponse | None:
    """Return the response of an error of the caller or of an outage, None for a fault of this server.

    A denial is recorded first.
    """
    if isinstance(error, Denied):
        try:
            record_denial(actor=actor, error=error)
        except Unavailable as failure:
            return error_response(503, failure.message)
    if isinstance(error, DomainError):
        status, kind = next(((code, name) for each, code, name in _KINDS if isinstance(error, each)), (400, ""))
        return error_response(status, error.message, kind)
    if is_outage(error):
        return error_response(503, outage_message(error))
    if isinstance(error, ValueError) and "NUL" in str(error).upper():
        return error_response(400, "Text must not contain NUL characters.", "invalidValue")
    for foreign, status, kind, detail in _FOREIGN:
        if isinstance(error, foreign):
            return error_response(status, detail, kind)
    return None
