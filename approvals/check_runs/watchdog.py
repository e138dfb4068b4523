"""Watchdog of a worker: ends the process when one of its threads hangs in a check. The supervisor starts a new worker.

A thread cannot be killed, so a thread that waits for a store that never answers is lost. No job is lost: the leases run
out, and other workers take the jobs.
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

# EX_TEMPFAIL of sysexits.h: the supervisor should start the worker again.
EXIT_CODE = 75
# A thread without a heartbeat for this many lease times has lost its job, so its result no longer counts.
_LEASES = 4
_INTERVAL_SECONDS = 1.0
_heartbeats: dict[int, tuple[float, int]] = {}
"""The last heartbeat of each thread, by thread id: its time (monotonic seconds), and the job id."""


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
                "A thread hung in check run %s for %d s; this worker exits so that a new one starts.",
                hanging[0],
                limit_seconds,
            )
            logging.shutdown()
            os._exit(EXIT_CODE)
