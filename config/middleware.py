"""Middleware of every request: its id, and the host of health probes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROBES = frozenset({"/health", "/healthz", "/version"})


def acceptable_request_id(given: str) -> bool:
    """Return whether the request id of a caller may be used: it is short, and harmless in logs and headers."""
    return _ACCEPTABLE.fullmatch(given) is not None


class RequestIdMiddleware:
    """Gives each request an id, that of the caller where it is acceptable. Logs, events and the response carry it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request.request_id = given if acceptable_request_id(given) else uuid.uuid4().hex  # type: ignore[attr-defined]  # ours
        with structlog.contextvars.bound_contextvars(request_id=request.request_id):  # type: ignore[attr-defined]  # ours
            response = self.get_response(request)
        response["X-Request-Id"] = request.request_id  # type: ignore[attr-defined]  # ours
        return response


class ProbeHostMiddleware:
    """Ignores the Host header on the paths of health probes, so that load balancers may probe by address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in _PROBES:
            request.META["HTTP_HOST"] = "localhost"
        return self.get_response(request)
