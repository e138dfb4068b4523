"""Middleware of every request: its id, and the host of health probes."""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Callable
from http import HTTPStatus

import structlog
from django.db import DataError, connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase

from config.error_responses import bad_request, unavailable
from core.outages import is_outage

logger = logging.getLogger(__name__)

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBES = frozenset({"/health", "/healthz", "/metrics", "/version"})


def acceptable_request_id(request_id: str) -> bool:
    """Return whether the request id of a caller may be used: it is short, and safe in logs and headers."""
    return _ACCEPTABLE.fullmatch(request_id) is not None


class RequestIdMiddleware:
    """Gives each request an id, that of the caller where it is acceptable. Logs, events and the response carry it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        header = request.headers.get("X-Request-Id", "")
        request.request_id = header if acceptable_request_id(header) else uuid.uuid4().hex  # type: ignore[attr-defined]  # ours
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]  # ours
            response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]  # ours
        return response


class PageErrorMiddleware:
    """Answers 400 for values that no database can hold, such as a NUL or a huge number, and 503 for outages,
    on pages.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Return the answer for such a value or an outage, None for any other exception."""
        if is_outage(error):
            logger.error("%s %s failed", request.method, request.path, exc_info=error)
            return unavailable(request, error)
        if isinstance(error, DataError | OverflowError | UnicodeEncodeError) or (
            isinstance(error, ValueError) and "NUL" in str(error).upper()
        ):
            return bad_request(request, error)
        return None


class RetryReadsMiddleware:
    """Repeats a read that was answered 503: a restart of the database may have closed its connection.

    Not the answer of an identity provider, which is read once: its view marks the response as final.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE or request.method not in {"GET", "HEAD"}:
            return response
        if connection.in_atomic_block or getattr(response, "is_final", False):
            return response
        connection.close_if_unusable_or_obsolete()
        return self.get_response(request)


class ProbeHostMiddleware:
    """Ignores the Host header on the paths of health probes, so that load balancers may probe by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in _PROBES:
            request.META["HTTP_HOST"] = "localhost"
        return self.get_response(request)
