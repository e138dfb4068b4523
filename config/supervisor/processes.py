"""Child processes: they do not outlive the supervisor, write to log files, and are stopped by SIGTERM
and then SIGKILL.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from config.env import BASE_DIR
from config.supervisor.parents import SUPERVISED, die_with_parent
from core.metrics import FOLDER

_LOG_BYTES = 20_000_000  # a larger log is moved to NAME.log.1


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run.

    ``is_ready(pid)`` never raises. ``on_orphaned`` is the signal that it gets when the supervisor is killed.
    ``stops_last``: the other programs need it until they have stopped.
    """

    name: str
    command: Sequence[str]
    is_ready: Callable[[int], bool]
    on_orphaned: int = signal.SIGKILL
    stops_last: bool = False


class Process:
    """A running program with its log file."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self.log = logs / f"{program.name}.log"
        self.rotate_log()
        self.log_start = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            # In a session of its own, so that Ctrl-C reaches only the supervisor, which stops the programs in order.
            self._popen = subprocess.Popen(  # noqa: S603 - our own commands
                program.command,
                cwd=BASE_DIR,
                env=os.environ
                | {SUPERVISED: "on", "PYTHONUNBUFFERED": "1", FOLDER: str(settings.RUNTIME_DIR / "metrics")},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(program.on_orphaned),  # noqa: PLW1509 - one prctl, library loaded before
            )
        self.started_at = time.monotonic()

    @property
    def exit_code(self) -> int | None:
        """The exit code, None while it runs; a negative one is the signal that ended it."""
        return self._popen.poll()

    def is_ready(self) -> bool:
        """Return whether the program runs and answers."""
        return self.exit_code is None and self.program.is_ready(self._popen.pid)

    def signal(self, number: int) -> None:
        """Send a signal to the process and to those that it started; nothing where all have ended."""
        try:
            os.killpg(self._popen.pid, number)
        except ProcessLookupError:
            return

    def wait(self) -> None:
        """Wait for the end of a process that has been killed."""
        self._popen.wait()

    def rotate_log(self) -> bool:
        """Move a log that has grown too large to NAME.log.1 and return whether it was moved.

        The program keeps its file open and appends to it, so the log is copied and then emptied. A line that is written
        between the two, which takes microseconds, can be lost. Raises OSError: the disk is full, and nothing is lost.
        """
        if not self.log.exists() or self.log.stat().st_size <= _LOG_BYTES:
            return False
        partial = self.log.with_suffix(".log.part")
        with self.log.open("rb") as log, partial.open("wb") as copy:
            shutil.copyfileobj(log, copy)
            shutil.copyfileobj(log, copy)  # the lines that were written during the first copy
            os.truncate(self.log, 0)
        partial.replace(self.log.with_suffix(".log.1"))
        self.log_start = 0
        return True

    def tail(self, lines: int = 15) -> str:
        """Return the last lines that this process has written."""
        with self.log.open("rb") as log:
            log.seek(max(self.log_start, self.log.stat().st_size - 20_000))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])


def stop_all(processes: Sequence[Process], *, grace_seconds: float) -> None:
    """Stop all at the same time; kill those that still run after ``grace_seconds``, with all processes that they
    started.
    """
    for process in processes:
        if process.exit_code is None:
            process.signal(signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and any(process.exit_code is None for process in processes):
        time.sleep(0.05)
    for process in processes:
        process.signal(signal.SIGKILL)
    for process in processes:
        process.wait()
