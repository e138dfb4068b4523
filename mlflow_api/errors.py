"""Domain errors in MLflow's own format. The only module of this API that maps them to HTTP statuses.

A client takes any status but 200 for a failure and retries 408, 429, 500, 502, 503 and 504 for minutes, so a refusal is
never one of these. Only Unavailable is, because a retry may succeed. Codes are those of the protocol; clients turn
unknown ones into INTERNAL_ERROR.
"""

from __future__ import annotations

import logging

import orjson
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import DataError, IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.request import RawPostDataException, UnreadablePostError

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


class ProtocolError(DomainError):
    """An answer the protocol fixes for one endpoint, with its own code and status."""

    def __init__(self, message: str, *, error_code: str, status: int) -> None:
        super().__init__(message)
        self.error_code = error_code
        self.status = status


# Subclasses come before their base classes: the first class that fits decides.
_ANSWERS: tuple[tuple[type[Exception], int, str], ...] = (
    (TooLarge, 413, "INVALID_PARAMETER_VALUE"),
    (InvalidInput, 400, "INVALID_PARAMETER_VALUE"),
    (AlreadyExists, 400, "RESOURCE_ALREADY_EXISTS"),
    (NotFound, 404, "RESOURCE_DOES_NOT_EXIST"),
    (InvalidState, 400, "INVALID_STATE"),
    (Conflict, 409, "RESOURCE_CONFLICT"),
    (NotAuthenticated, 401, "UNAUTHENTICATED"),
    (Denied, 403, "PERMISSION_DENIED"),
    (Unavailable, 503, "TEMPORARILY_UNAVAILABLE"),
)


def error_response(status: int, error_code: str, message: str, **more: object) -> HttpResponse:
    """Return MLflow's error JSON."""
    body = orjson.dumps({"error_code": error_code, "message": message, **more})
    response = HttpResponse(body, status=status, content_type="application/json")
    if status == 503:  # noqa: PLR2004 - a client that honours it waits this long, in seconds
        response["Retry-After"] = RETRY_AFTER
    if status == 401:  # noqa: PLR2004 - what Basic clients and curl wait for
        response["WWW-Authenticate"] = 'Basic realm="Custody", charset="UTF-8"'
    return response


def domain_response(error: DomainError) -> HttpResponse:
    """Return the response for a refusal of the domain."""
    if isinstance(error, ProtocolError):
        return error_response(error.status, error.error_code, error.message)
    for kind, status, code in _ANSWERS:
        if isinstance(error, kind):
            more = {"blocked_by": error.blocked_by} if isinstance(error, GateRefused) else {}
            return error_response(status, code, error.message, **more)
    return error_response(400, "BAD_REQUEST", error.message)


def unexpected_response(request: HttpRequest, error: Exception) -> HttpResponse:
    """Return the response for an exception that is no DomainError. An error of the server is logged with traceback."""
    if isinstance(error, RequestDataTooBig):
        return error_response(413, "INVALID_PARAMETER_VALUE", "The request body is too large.")
    if isinstance(error, UnreadablePostError | RawPostDataException | MultiPartParserError | SuspiciousOperation):
        return error_response(
            400, "BAD_REQUEST", "The request cannot be read: its body is broken, or has too many fields."
        )
    if isinstance(error, DataError):
        return error_response(400, "INVALID_PARAMETER_VALUE", "A value is too long or out of range for its field.")
    if isinstance(error, IntegrityError):
        logger.warning("%s %s lost a race: %s", request.method, request.path, error)
        return error_response(
            409, "RESOURCE_CONFLICT", "Somebody else changed the same record at the same time. Try again."
        )
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    if is_outage(error):
        return error_response(503, "TEMPORARILY_UNAVAILABLE", outage_message(error))
    return error_response(500, "INTERNAL_ERROR", "The server failed; its log has the reason under this request id.")
