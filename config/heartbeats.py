"""Heartbeats of the web processes: the supervisor kills a process without a recent heartbeat, and granian starts
another.

A process that hangs (stopped, or with all threads blocked in one lock) still accepts connections on the port, and those
time out.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

BEAT_SECONDS = 2.0
HUNG_SECONDS = 20.0
_PREFIX = "web-"


def start(folder: Path) -> None:
    """Write the time of the monotonic clock to a file of this process at intervals, in a thread."""
    path = folder / f"{_PREFIX}{os.getpid()}.alive"

    def beat() -> None:
        while True:
            try:
                path.write_text(str(time.monotonic()), encoding="ascii")
            except OSError:
                path.unlink(missing_ok=True)  # a full disk must not look like a process that hangs
            time.sleep(BEAT_SECONDS)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def hung_processes(folder: Path, now: float) -> list[int]:
    """Return the ids of processes whose heartbeat is old. Files of processes that have ended are removed."""
    return [pid for pid, age in heartbeat_ages(folder, now) if age > HUNG_SECONDS]


def heartbeat_ages(folder: Path, now: float) -> list[tuple[int, float]]:
    """Return each web process of this host that runs, with the seconds since its heartbeat.

    Files of processes that have ended are removed.
    """
    ages = []
    for path in folder.glob(f"{_PREFIX}*.alive"):
        pid = int(path.stem.removeprefix(_PREFIX))
        if not Path(f"/proc/{pid}").exists():
            path.unlink(missing_ok=True)
            continue
        try:
            written = float(path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue  # it is being written
        ages.append((pid, now - written))
    return ages
