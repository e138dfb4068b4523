"""The supervisor: starts programs in order, waits until they answer, restarts those that end, and stops all of them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

from config.heartbeats import hung_processes
from config.supervisor.processes import Process, Program, stop_all

WriteLine = Callable[[str], None]

_POLL_SECONDS = 0.1
_READY_SECONDS = 60.0
_STOP_SECONDS = 3.5
_BROKER_STOP_SECONDS = 0.8
# Pauses before a program is started again double up to the longest; one that ran for the window starts again with the
# shortest.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_WINDOW_SECONDS = 120.0
_SHOWN = 240  # characters of an error line on the console
_ERROR_LINE = re.compile(
    r"""\b(ERROR|CRITICAL|Traceback)\b|\[ERROR\]|level=(?:error|critical)|"level": "(?:error|critical)\""""
)


class CannotRun(Exception):
    """A program did not start. The message names it and has the end of its log."""


class Watched:
    """A program under supervision: its process, how often it ended recently, and how much of its log was read."""

    def __init__(self, program: Program, logs: Path) -> None:
        self.program = program
        self._logs = logs
        self._ends = 0
        self.restart_at: float | None = None
        self.start()

    def start(self) -> None:
        """Start the program, again or for the first time."""
        self.restart_at = None
        self.process = Process(self.program, self._logs)
        self._log_offset = self.process.log_start

    def note_end(self) -> float:
        """Note that the process ended; return the seconds until it is started again."""
        now = time.monotonic()
        self._ends = 1 if now - self.process.started_at > _WINDOW_SECONDS else self._ends + 1
        pause = pause_before_restart(self._ends)
        self.restart_at = now + pause
        return pause

    def start_again(self) -> bool:
        """Start the program again; False where that is not possible now (a full disk), so that it is tried later."""
        try:
            self.start()
        except OSError:
            self.restart_at = time.monotonic() + _LONGEST_PAUSE
            return False
        return True

    def new_error(self) -> str:
        """Return the first error line that was written since the last call, "" for none."""
        with self.process.log.open("rb") as log:
            log.seek(self._log_offset)
            written = log.read(1_000_000)
        self._log_offset += len(written)
        with contextlib.suppress(OSError):  # a full disk: it is tried again
            self._log_offset = 0 if self.process.rotate_log() else self._log_offset
        lines = written.decode("utf-8", "replace").splitlines()
        return next((line[:_SHOWN] for line in lines if _ERROR_LINE.search(line)), "")


def pause_before_restart(ends: int) -> float:
    """Return the seconds before a program is started again after this number of recent ends."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(ends - 1, 30))


class Supervisor:
    """The programs of one installation. ``heartbeats`` is the folder of the heartbeats of web processes."""

    def __init__(self, *, logs: Path, write_line: WriteLine, heartbeats: Path | None = None) -> None:
        self._logs = logs
        self._write = write_line
        self._heartbeats = heartbeats
        self._watched: list[Watched] = []
        self._jobs: list[tuple[Process, Callable[[], None]]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def start(self, *programs: Program) -> None:
        """Start programs together and return when all of them answer. Raises CannotRun where one does not."""
        started = [Watched(program, self._logs) for program in programs]
        self._watched += started
        deadline = time.monotonic() + _READY_SECONDS
        waiting = started
        while waiting := [watched for watched in waiting if not watched.process.is_ready()]:
            for watched in waiting:
                self._require_starting(watched, deadline)
            time.sleep(_POLL_SECONDS)

    def _require_starting(self, watched: Watched, deadline: float) -> None:
        name, process = watched.program.name, watched.process
        if process.exit_code is not None:
            raise CannotRun(f"{name} ended with code {process.exit_code} while starting.\n{process.tail()}")
        if time.monotonic() > deadline:
            raise CannotRun(f"{name} did not answer within {_READY_SECONDS:.0f} seconds.\n{process.tail()}")

    def start_job(self, program: Program, *, on_success: Callable[[], None]) -> None:
        """Start a program that ends by itself. Its failure is reported; the other programs go on."""
        self._jobs.append((Process(program, self._logs), on_success))

    def watch(self) -> None:
        """Keep all programs running until interrupted.

        One that ends is started again, however often; the others go on.
        """
        while True:
            self._check_jobs()
            self._end_hung()
            for watched in self._watched:
                self._check(watched)
            time.sleep(_POLL_SECONDS * 3)

    def _check(self, watched: Watched) -> None:
        name = watched.program.name
        if error := watched.new_error():
            self._write_line(f"{name}: {error}  (more in {watched.process.log})")
        if watched.restart_at is not None:
            if time.monotonic() >= watched.restart_at and not watched.start_again():
                self._write_line(f"{name} cannot be started now; it is tried again later.")
        elif (code := watched.process.exit_code) is not None:
            pause = watched.note_end()
            self._write_line(
                f"{name} ended with code {code}; it is started again in {pause:.0f} s  (log: {watched.process.log})"
            )

    def _end_hung(self) -> None:
        """Kill web processes without a recent heartbeat; the web server starts others."""
        if self._heartbeats is None:
            return
        for pid in hung_processes(self._heartbeats, time.monotonic()):
            self._write_line(f"web: process {pid} does not answer; it is ended, and another is started.")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            (self._heartbeats / f"web-{pid}.alive").unlink(missing_ok=True)

    def _write_line(self, message: str) -> None:
        with contextlib.suppress(OSError):  # a full disk must not end the supervisor
            self._write(message)

    def _check_jobs(self) -> None:
        for job in list(self._jobs):
            process, on_success = job
            if process.exit_code is None:
                continue
            self._jobs.remove(job)
            if process.exit_code == 0:
                on_success()
            else:
                self._write_line(f"{process.program.name} failed; the next start tries it again (log: {process.log})")

    def stop(self) -> None:
        """Stop all programs: first those that use the broker, together, then the broker."""
        processes = [watched.process for watched in self._watched] + [process for process, _ in self._jobs]
        stop_all([process for process in processes if not process.program.stops_last], grace_seconds=_STOP_SECONDS)
        stop_all([process for process in processes if process.program.stops_last], grace_seconds=_BROKER_STOP_SECONDS)
        self._watched, self._jobs = [], []
