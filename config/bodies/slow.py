"""Receives request bodies within a time limit. Slow senders do not delay other requests.

granian has no deadline for bodies: its `read` blocks until all bytes or the end of the connection arrive. So a thread
of our own watches the reads. A body that is late is answered with 408 through granian's protocol object, even if bytes
still arrive, and the connection is ended (config/bodies/late_connections.py), which also ends the read.

A thread that reads costs little: granian starts up to 256 of them (config/supervisor/programs.py) and they wait outside
Python. The number of requests that are worked on at a time is limited (`config/bodies/receive.py`); a request counts
from when its body is complete.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import structlog

from config.bodies.late_connections import ANSWER_BYTES, LateConnections
from core.errors import Unavailable

logger = structlog.get_logger(__name__)

# Bodies up to this size may be received by many threads at once, before it is known who sends them.
SMALL = 65_536
_MOST_SMALL = 200
# The most longer bodies at the same time, so that memory is bounded.
_MOST_LARGE = 10
# How long a long body may wait to be received: senders on a usual network take milliseconds.
_TURN_SECONDS = 0.15
# A long body gets one second more for each of these many bytes, so that slow connections can finish.
_BYTES_A_SECOND = 262_144
_TICK_SECONDS = 0.2
_BUSY = "Too many slow requests are being received. Try again in a moment."


class Refusal(NamedTuple):
    """An answer that is sent by another thread than the one that serves the request."""

    status: int
    headers: list[tuple[str, str]]
    text: str


class TooSlow(Unavailable):
    """The body was not complete in time; the request has been answered already."""

    code = "too_slow"


class BodyReader:
    """Reads bodies, and answers those that are late; one for each process."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._small = threading.BoundedSemaphore(_MOST_SMALL)
        self._large = threading.BoundedSemaphore(_MOST_LARGE)
        self._lock = threading.Lock()
        self._reads: dict[int, tuple[float, Any, Refusal]] = {}
        self._late = LateConnections()
        self._watch: threading.Thread | None = None

    def read(self, source: Any, size: int, protocol: Any, refusal: Refusal) -> bytes:
        """Return at most ``size`` bytes.

        Raises Unavailable where too many bodies are being read, TooSlow after the answer 408.
        """
        is_small = size <= SMALL
        turns = self._small if is_small else self._large
        if not turns.acquire(timeout=0 if is_small else _TURN_SECONDS):
            raise Unavailable(_BUSY)
        seconds = self._seconds + max(0, size - SMALL) / _BYTES_A_SECOND
        try:
            with self._limited(seconds, protocol, refusal):
                body: bytes = source.read(size)
        finally:
            turns.release()
        return body

    @contextmanager
    def _limited(self, seconds: float, protocol: Any, refusal: Refusal) -> Iterator[None]:
        """Send ``refusal`` when the block is not done within ``seconds``. Raises TooSlow at its end in that case."""
        if protocol is None:  # another server than granian: it has its own deadlines, or none
            yield
            return
        key = threading.get_ident()
        with self._lock:
            self._reads[key] = (time.monotonic() + seconds, protocol, refusal)
            if self._watch is None:  # not at import: granian's worker may be forked after it
                self._watch = threading.Thread(target=self._answer_late_ones, name="slow-bodies", daemon=True)
                self._watch.start()
        try:
            yield
        finally:
            with self._lock:
                was_answered = self._reads.pop(key, None) is None
        if was_answered:
            raise TooSlow(refusal.text)

    def _answer_late_ones(self) -> None:
        while True:
            time.sleep(_TICK_SECONDS)
            self._late.end()
            now = time.monotonic()
            with self._lock:
                late = [key for key, (deadline, _, _) in self._reads.items() if deadline < now]
                answers = [self._reads.pop(key) for key in late]
            if answers:
                try:
                    self._late.answer([partial(_send, protocol, refusal) for _, protocol, refusal in answers])
                except Exception:  # the thread must survive every error that the server raises for a closed connection
                    logger.exception("slow_bodies.not_answered")


def _send(protocol: Any, refusal: Refusal) -> None:
    body = refusal.text.encode().ljust(ANSWER_BYTES)
    headers = [*refusal.headers, ("Content-Length", str(len(body))), ("Connection", "close")]
    protocol.response_bytes(refusal.status, headers, body)
