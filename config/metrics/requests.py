"""Counts requests by door, method and status, and measures the time until an answer begins."""

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
        door = door_of(environ["PATH_INFO"])
        method = environ["REQUEST_METHOD"]

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            _requests(door, method if method in _METHODS else "other", status[:3]).inc()
            _seconds(door).observe(time.perf_counter() - began)
            return start_response(status, headers, *more)

        return application(environ, start)

    return serve


def door_of(path: str) -> str:
    """Return by which door a request came: `mlflow`, `serving`, `api`, `static`, `probe` or `pages`."""
    path = f"/{path.lstrip('/')}"
    if path in _PROBES:
        return "probe"
    if path.startswith("/api/v1/"):
        return "serving" if path.startswith("/api/v1/models/") and path.endswith("/production") else "api"
    if path.startswith(("/api/", "/ajax-api/", "/graphql", "/get-artifact", "/v1/traces")):
        return "mlflow"
    return "static" if path.startswith("/static/") else "pages"


@cache
def _requests(door: str, method: str, status: str) -> Any:
    return HTTP_REQUESTS.labels(door, method, status)


@cache
def _seconds(door: str) -> Any:
    return HTTP_SECONDS.labels(door)
