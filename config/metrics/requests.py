"""Counts requests by interface, method and status, and measures the time until an answer begins."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable
from functools import cache
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

from core.metrics import HTTP_REQUESTS, HTTP_SECONDS

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_PROBES = {"/health", "/healthz", "/version", "/metrics"}
_COUNT_SECONDS = 0.5

# Path, method, status and seconds of the requests that are not counted yet. The counters of prometheus_client share one
# lock, for which the threads of a busy process wait longer than they work; appending to a deque needs none.
_answered: deque[tuple[str, str, str, float]] = deque()
_counting = threading.Lock()


def with_metrics(application: WSGIApplication) -> WSGIApplication:
    """Return the application with its requests noted for `count_requests`."""

    def serve(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            _answered.append((environ["PATH_INFO"], environ["REQUEST_METHOD"], status, time.perf_counter() - began))
            return start_response(status, headers, *more)

        return application(environ, start)

    return serve


def count_requests() -> None:
    """Add the requests since the last call to the counters of this process."""
    requests: Counter[tuple[str, str, str]] = Counter()
    with _counting:
        for _ in range(len(_answered)):
            path, method, status, seconds = _answered.popleft()
            interface = interface_of(path)
            requests[interface, method if method in _METHODS else "other", status[:3]] += 1
            _seconds(interface).observe(seconds)
        for labels, number in requests.items():
            _requests(*labels).inc(number)


def start_counting() -> None:
    """Count the requests at intervals, in a thread: /metrics is answered by one process, and adds up all of them."""

    def count() -> None:
        while True:
            time.sleep(_COUNT_SECONDS)
            count_requests()

    threading.Thread(target=count, name="request-metrics", daemon=True).start()


def interface_of(path: str) -> str:
    """Return the interface that a path belongs to: `mlflow`, `serving`, `api`, `scim`, `static`, `probe` or `pages`."""
    path = f"/{path.lstrip('/')}"
    if path in _PROBES:
        return "probe"
    if path.startswith("/api/v1/"):
        return "serving" if path.startswith("/api/v1/models/") and path.endswith("/production") else "api"
    if path.startswith(("/api/", "/ajax-api/", "/graphql", "/get-artifact", "/v1/traces")):
        return "mlflow"
    return next((name for name in ("static", "scim") if path.startswith(f"/{name}/")), "pages")


@cache
def _requests(interface: str, method: str, status: str) -> Any:
    return HTTP_REQUESTS.labels(interface, method, status)


@cache
def _seconds(interface: str) -> Any:
    return HTTP_SECONDS.labels(interface)
