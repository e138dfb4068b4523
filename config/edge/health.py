"""The health of the program `edge` of this host, for /healthz and /metrics of the web server."""

from __future__ import annotations

import http.client
import json
import threading
import time
from contextlib import closing
from dataclasses import dataclass

from django.conf import settings

# Each process asks at most this often.
_ASK_SECONDS = 2.0
_TIMEOUT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class EdgeHealth:
    """The state of the program: `ok`, `down`, or `off` where none shall run; and how many clients wait."""

    state: str
    polls: int = 0
    streams: int = 0


class _Edge:
    """The last answer."""

    lock = threading.Lock()
    asked_at = float("-inf")
    health = EdgeHealth("down")


def edge_health() -> EdgeHealth:
    """Return the health of edge. While one thread asks, others get the last answer."""
    if not settings.EDGE_PORT:
        return EdgeHealth("off")
    if time.monotonic() - _Edge.asked_at > _ASK_SECONDS and _Edge.lock.acquire(blocking=False):
        try:
            _Edge.health = _ask()
            _Edge.asked_at = time.monotonic()
        finally:
            _Edge.lock.release()
    return _Edge.health


def _ask() -> EdgeHealth:
    try:
        with closing(
            http.client.HTTPConnection(settings.EDGE_HOST, settings.EDGE_PORT, timeout=_TIMEOUT_SECONDS)
        ) as edge:
            edge.request("GET", "/healthz")
            body = json.loads(edge.getresponse().read())
        return EdgeHealth("ok", int(body["polls"]), int(body["streams"]))
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return EdgeHealth("down")
