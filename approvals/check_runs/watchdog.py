"""A worker with a thread that hangs in a check ends itself, so that its supervisor starts a new one.

A thread cannot be killed: a thread that waits for a store which never answers is lost, and the same job would block the
next thread too. No job is lost: the leases run out, and other workers take the jobs.
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
# A thread without a heartbeat for so many leases has lost its job, so its result no longer counts.
_LEASES = 4
_INTERVAL_SECONDS = 1.0
_heartbeats: dict[int, tuple[float, int]] = {}
"""The last heartbeat of each thread: its time (monotonic seconds), and the job."""


@contextmanager
def watched(job_id: int) -> Iterator[None]:
    """Expect heartbeats (`record_heartbeat`) of this thread while it works on a job."""
    record_heartbeat(job_id)
    try:
        yield
    finally:
        _heartbeats.pop(threading.get_ident(), None)


def record_heartbeat(job_id: int) -> None:
    """Record a heartbeat of this thread."""
    _heartbeats[threading.get_ident()] = (time.monotonic(), job_id)


def start() -> None:
    """Watch the threads of this process from now on. For worker processes only: it ends the process."""
    threading.Thread(target=_watch, name="watchdog", daemon=True).start()


def _watch() -> None:
    limit_seconds = lease_time().total_seconds() * _LEASES
    while True:
        time.sleep(_INTERVAL_SECONDS)
        hanging = [job for at, job in list(_heartbeats.values()) if time.monotonic() - at > limit_seconds]
        if hanging:
            logger.critical(
                "hung in check run %s for %d s; this worker ends so that a new one starts", hanging[0], limit_seconds
            )
            logging.shutdown()
            os._exit(EXIT_CODE)
