"""Heartbeats of the web processes: the supervisor kills a process without a recent heartbeat, and granian starts
another.

A process that hangs (stopped, or with all threads blocked in one lock) still accepts connections on the port, and those
time out. A file names the start of its process too: it may outlive the process, and the id be given to another one.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path

from core.ids import row_id

BEAT_SECONDS = 2.0
HUNG_SECONDS = 20.0
_PREFIX = "web-"
# The start time among the fields of /proc/PID/stat that follow the name of the program (proc(5), field 22).
_START_FIELD = 19


def start(folder: Path) -> None:
    """Write the time of the monotonic clock to a file of this process at intervals, in a thread."""
    path, started_at = folder / f"{_PREFIX}{os.getpid()}.alive", start_of_process(os.getpid())

    def beat() -> None:
        while True:
            write_heartbeat(path, started_at)
            time.sleep(BEAT_SECONDS)

    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def write_heartbeat(path: Path, started_at: str) -> None:
    """Write a heartbeat. Where that fails the file is removed: a full disk must not look like a process that hangs."""
    try:
        path.write_text(f"{time.monotonic()} {started_at}", encoding="ascii")
    except OSError:
        with contextlib.suppress(OSError):  # the next heartbeat may succeed
            path.unlink(missing_ok=True)


def start_of_process(pid: int) -> str:
    """Return when a process started, in ticks since the start of the machine (Linux); "" where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return fields[_START_FIELD]


def hung_processes(folder: Path, now: float) -> list[int]:
    """Return the ids of processes whose heartbeat is old. Files of processes that have ended are removed."""
    return [pid for pid, age in heartbeat_ages(folder, now) if age > HUNG_SECONDS]


def heartbeat_ages(folder: Path, now: float) -> list[tuple[int, float]]:
    """Return each web process of this host that runs, with the seconds since its heartbeat.

    Files of processes that have ended are removed.
    """
    ages = []
    for path in folder.glob(f"{_PREFIX}*.alive"):
        pid = row_id(path.stem.removeprefix(_PREFIX))
        try:
            text, _, started_at = path.read_text(encoding="ascii").partition(" ")
            written = float(text)
        except (OSError, ValueError):
            written, started_at = now, ""  # it is being written
        started_now = start_of_process(pid)
        if not started_now or (started_at and started_at != started_now):
            path.unlink(missing_ok=True)
        elif started_at:
            ages.append((pid, now - written))
    return ages
