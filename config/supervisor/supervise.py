"""Start programs in order, wait for each, watch them, restart what dies, stop everything."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from config.supervisor.processes import Process, Program, stop_all

Say = Callable[[str], None]

_POLL_SECONDS = 0.1
_READY_SECONDS = 60.0
_STOP_SECONDS = 3.5
_BROKER_STOP_SECONDS = 0.8
# A program that dies this often within the window will not get better by another start.
_MOST_DEATHS = 5
_WINDOW_SECONDS = 120.0
_LINE = 240  # of an alarming line, so much is shown on the console
_TROUBLE = re.compile(r"\b(ERROR|CRITICAL|Traceback)\b|\[ERROR\]|level=error|level=critical")


class CannotRun(Exception):
    """A program did not start, or keeps dying; the message says which and shows the end of its log."""


class Watched:
    """A process, its deaths so far, and how much of its log has been looked at."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self._logs = logs
        self._deaths: deque[float] = deque(maxlen=_MOST_DEATHS)
        self.restart_at: float | None = None
        self.start()

    def start(self) -> None:
        """Start the program, again or for the first time."""
        self.restart_at = None
        self.process = Process(self.program, self._logs)
        self._seen = self.process.log_start

    def note_death(self) -> float:
        """Note that the process ended and return the pause in seconds before it is started again."""
        now = time.monotonic()
        self._deaths.append(now)
        if len(self._deaths) == _MOST_DEATHS and now - self._deaths[0] < _WINDOW_SECONDS:
            raise CannotRun(f"{self.program.name} ended {_MOST_DEATHS} times in a short while.\n{self.process.tail()}")
        recent = sum(now - death < _WINDOW_SECONDS for death in self._deaths)
        pause = float(2 ** (recent - 1))
        self.restart_at = now + pause
        return pause

    def new_trouble(self) -> str:
        """Return the first alarming line written since the last look, or nothing."""
        with self.process.log.open("rb") as log:
            log.seek(self._seen)
            written = log.read(1_000_000)
        self._seen += len(written)
        lines = written.decode("utf-8", "replace").splitlines()
        return next((line[:_LINE] for line in lines if _TROUBLE.search(line)), "")


class Supervisor:
    """The programs of one installation."""

    def __init__(self, *, logs: Path, say: Say) -> None:
        self._logs = logs
        self._say = say
        self._watched: list[Watched] = []
        self._errands: list[tuple[Process, Callable[[], None]]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, *programs: Program) -> None:
        """Start programs side by side and return when all of them answer; raise CannotRun if one does not."""
        started = [Watched(program, self._logs) for program in programs]
        self._watched += started
        deadline = time.monotonic() + _READY_SECONDS
        waiting = started
        while waiting := [watched for watched in waiting if not watched.process.is_ready()]:
            for watched in waiting:
                self._require_hope(watched, deadline)
            time.sleep(_POLL_SECONDS)

    def _require_hope(self, watched: Watched, deadline: float) -> None:
        name, process = watched.program.name, watched.process
        if process.exit_code is not None:
            raise CannotRun(f"{name} ended with code {process.exit_code} while starting.\n{process.tail()}")
        if time.monotonic() > deadline:
            raise CannotRun(f"{name} does not answer after {_READY_SECONDS:.0f} seconds.\n{process.tail()}")

    def start_errand(self, program: Program, *, on_success: Callable[[], None]) -> None:
        """Start something that ends by itself; its failure is reported and harms nothing else."""
        self._errands.append((Process(program, self._logs), on_success))

    def watch(self) -> None:
        """Keep everything running until interrupted; raise CannotRun when a program keeps dying."""
        while True:
            self._look_after_errands()
            for watched in self._watched:
                self._look_after(watched)
            time.sleep(_POLL_SECONDS * 3)

    def _look_after(self, watched: Watched) -> None:
        name = watched.program.name
        if trouble := watched.new_trouble():
            self._say(f"{name}: {trouble}  (more in {watched.process.log})")
        if watched.restart_at is not None:
            if time.monotonic() >= watched.restart_at:
                watched.start()
        elif (code := watched.process.exit_code) is not None:
            pause = watched.note_death()
            self._say(
                f"{name} ended with code {code}; starting it again in {pause:.0f} s  (log: {watched.process.log})"
            )

    def _look_after_errands(self) -> None:
        for errand in list(self._errands):
            process, on_success = errand
            if process.exit_code is None:
                continue
            self._errands.remove(errand)
            if process.exit_code == 0:
                on_success()
            else:
                self._say(f"{process.program.name} failed and is tried again at the next start (log: {process.log})")

    def stop(self) -> None:
        """Stop everything: first, together, what uses the broker, then the broker."""
        processes = [watched.process for watched in self._watched] + [process for process, _ in self._errands]
        stop_all([process for process in processes if not process.program.stops_last], grace_seconds=_STOP_SECONDS)
        stop_all([process for process in processes if process.program.stops_last], grace_seconds=_BROKER_STOP_SECONDS)
        self._watched, self._errands = [], []
