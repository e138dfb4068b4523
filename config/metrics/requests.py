"""Counts requests by interface, method and status, and measures the time until an answer begins."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from core.metrics import HTTP_REQUESTS, HTTP_SECONDS

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES = {"/health", "/healthz", "/version", "/metrics"}


def with_metrics(application: WSGIApplication) -> WSGIApplication:
    """Return the application with its requests counted."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        interface = interface_of(environ["PATH_INFO"])
        method = environ["REQUEST_METHOD"]

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            _requests(interface, method if method in _METHODS else "other", status[:3]).inc()
            _seconds(interface).observe(time.perf_counter() - began)
            return start_response(status, headers, *more)

        return application(environ, start)

    return serve


def interface_of(path: str) -> str:
    """Return the interface that a path belongs to: `mlflow`, `serving`, `api`, `static`, `probe` or `pages`."""
    path = f"/{path.lstrip('/')}"
    if path in _PROBES:
        return "probe"
    if path.startswith("/api/v1/"):
        return "serving" if path.startswith("/api/v1/models/") and path.endswith("/production") else "api"
    if path.startswith(("/api/", "/ajax-api/", "/graphql", "/get-artifact", "/v1/traces")):
        return "mlflow"
    return "static" if path.startswith("/static/") else "pages"


@cache
def _requests(interface: str, method: str, status: str) -> Any:
    return HTTP_REQUESTS.labels(interface, method, status)


@cache
def _seconds(interface: str) -> Any:
    return HTTP_SECONDS.labels(interface)
