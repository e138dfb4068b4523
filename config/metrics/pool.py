"""The connection pool of this process, for /metrics and the status."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection
from prometheus_client.multiprocess import mark_process_dead

from core.metrics import DATABASE_POOL, FOLDER

_SAMPLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class PoolState:
    """A connection pool: its limit, its open and used connections, and the requests that wait for one."""

    max: int
    open: int
    used: int
    waiting: int


def pool_state() -> PoolState | None:
    """Return the state of this process's pool, None on SQLite, which has none."""
    pool: Any = getattr(connection, "pool", None)
    if not pool:
        return None
    stats: dict[str, int] = pool.get_stats()
    size = stats.get("pool_size", 0)
    used = max(0, size - stats.get("pool_available", 0))
    return PoolState(stats.get("pool_max", 0), size, used, stats.get("requests_waiting", 0))


def sample_pool() -> None:
    """Store the state of this process's pool in its gauges."""
    state = pool_state()
    if state is None:
        return
    for name in ("max", "open", "used", "waiting"):
        DATABASE_POOL.labels(name).set(getattr(state, name))


def start_sampling() -> None:
    """Sample the pool at intervals, in a thread: /metrics is answered by one process, and adds up all of them."""

    def sample() -> None:
        while True:
            sample_pool()
            time.sleep(_SAMPLE_SECONDS)

    threading.Thread(target=sample, name="pool-metrics", daemon=True).start()


def forget_ended_processes() -> None:
    """Remove the gauges of processes that have ended. Their counters stay: totals never fall."""
    folder = os.environ.get(FOLDER)
    for path in Path(folder).glob("gauge_live*_*.db") if folder else ():
        pid = path.stem.rpartition("_")[2]
        if not Path(f"/proc/{pid}").exists():
            mark_process_dead(int(pid))  # type: ignore[no-untyped-call]  # the package leaves its type out
