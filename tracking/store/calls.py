"""Calls to a bucket: few at a time, and hardly any while it does not answer, so that it holds few threads.

A bucket that takes connections and says nothing would otherwise hold every thread of a web server, one download each,
and with them the serving read, which needs no bucket.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from threading import BoundedSemaphore, Lock
from typing import Any

from core.errors import Unavailable

logger = logging.getLogger(__name__)

# A web process works on 16 requests at a time.
MOST_CALLS = 10
_WAIT_SECONDS = 1.0
# While the bucket is silent, one call is made in this time, to see whether it answers again.
PROBE_SECONDS = 5.0
# A call whose answer is late is made once more; other errors, such as a reset, pass sooner and are tried more often.
_MOST_LATE = 2
_SILENT = "The artifact store does not answer. Try again."
_BUSY = "As many calls as this process makes wait for the artifact store. Try again."


class StoreCalls:
    """The calls of this process to one endpoint."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._slots = BoundedSemaphore(MOST_CALLS)
        self._lock = Lock()
        self._is_silent = False
        self._probe_at = 0.0

    @contextmanager
    def call(self, *, is_repeated: bool = False) -> Iterator[None]:
        """Enclose one call. Raises Unavailable where the store is silent, or too many calls wait for it.

        ``is_repeated``: the call repeats one whose answer broke off, and is made even where the store is silent.
        """
        if not is_repeated and not self._may_ask():
            raise Unavailable(_SILENT)
        if not self._slots.acquire(timeout=_WAIT_SECONDS):
            raise Unavailable(_BUSY)
        try:
            yield
        except Exception as error:
            if is_late(error):
                self.note_silence()
            else:
                self._note_answer()
            raise
        else:
            self._note_answer()
        finally:
            self._slots.release()

    def note_silence(self) -> None:
        """Note that an answer was late: for a while only probes are made."""
        with self._lock:
            if not self._is_silent:
                logger.warning("%s does not answer: callers get 503 until it does", self._name)
            self._is_silent, self._probe_at = True, time.monotonic() + PROBE_SECONDS

    def _may_ask(self) -> bool:
        if not self._is_silent:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._probe_at:
                return False
            self._probe_at = now + PROBE_SECONDS
            return True

    def _note_answer(self) -> None:
        """Note that the store did something in time; a refusal or a reset is an answer too."""
        if self._is_silent:
            with self._lock:
                self._is_silent = False
            logger.warning("%s answers again", self._name)


@cache
def calls_to(endpoint: str) -> StoreCalls:
    """Return the calls of this process to an endpoint ("" for Amazon's own)."""
    return StoreCalls(endpoint or "Amazon S3")


def is_late(error: BaseException) -> bool:
    """Return whether an error means that no answer came in time."""
    errors = import_module("botocore.exceptions")
    return isinstance(error, errors.ReadTimeoutError | errors.ConnectTimeoutError)


def limit_late_attempts(client: Any, calls: StoreCalls) -> None:
    """Let a client of boto3 note late answers at once, and give a call up after the second."""

    def on_attempt(attempts: int, caught_exception: Exception | None = None, **_more: object) -> None:
        if caught_exception is None or not is_late(caught_exception):
            return
        calls.note_silence()
        if attempts >= _MOST_LATE:
            raise caught_exception

    client.meta.events.register_first("needs-retry.s3", on_attempt)
