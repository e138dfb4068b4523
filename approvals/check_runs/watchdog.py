"""A worker with a thread that hangs in a check ends itself, so that whoever supervises it starts a new one.

A thread cannot be killed: one that waits for a store which never answers would be gone from the worker for good, and the same
job, given to the next thread, would take that one as well. The rows lose nothing: leases run out, and other workers go on.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from approvals.check_runs.jobs import lease_time

logger = logging.getLogger(__name__)

# EX_TEMPFAIL of sysexits.h: start me again.
EXIT_CODE = 75
# A thread silent for so many leases has long lost its job; what it still might find no longer counts.
_LEASES = 4
_LOOK_EVERY = 1.0
_heard: dict[int, tuple[float, int]] = {}
"""When each thread was last heard of (monotonic seconds), and about which job."""


@contextmanager
def watched(job_id: int) -> Iterator[None]:
    """Expect this thread to be `heard` of while it works on a job."""
    heard(job_id)
    try:
        yield
    finally:
        _heard.pop(threading.get_ident(), None)


def heard(job_id: int) -> None:
    """Note a sign of life of this thread."""
    _heard[threading.get_ident()] = (time.monotonic(), job_id)


def start() -> None:
    """Watch the threads of this process from now on. For worker processes only: it ends the process."""
    threading.Thread(target=_watch, name="watchdog", daemon=True).start()


def _watch() -> None:
    patience = lease_time().total_seconds() * _LEASES
    while True:
        time.sleep(_LOOK_EVERY)
        silent = [job for at, job in list(_heard.values()) if time.monotonic() - at > patience]
        if silent:
            logger.critical(
                "hung in check run %s for %d s; this worker ends so that a new one starts", silent[0], patience
            )
            logging.shutdown()
            os._exit(EXIT_CODE)
