"""Runs one process in the sandbox, with limits of time and output, and kills everything that it started."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from validation.sandbox.container import Container
from validation.sandbox.syscalls import filter_file

MAX_ANSWER = 1_000_000
_MAX_LOG = 64 * 1024
_WAIT_SECONDS = 0.25
_CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a process: its answer (standard output), the end of its log (standard error), and its exit code.

    ``stopped`` is the reason why the process was stopped, "" if it ended by itself.
    """

    answer: bytes
    log: bytes
    code: int
    stopped: str = ""


class _Tail:
    """Keeps the end of a stream of unknown length."""

    def __init__(self, limit: int) -> None:
        self._parts: deque[bytes] = deque()
        self._limit, self._size = limit, 0

    def add(self, piece: bytes) -> None:
        """Append bytes and drop the oldest ones beyond the limit."""
        self._parts.append(piece)
        self._size += len(piece)
        while self._size - len(self._parts[0]) > self._limit:
            self._size -= len(self._parts.popleft())

    @property
    def content(self) -> bytes:
        """The last bytes of the stream, at most as many as the limit."""
        return b"".join(self._parts)[-self._limit :]


def run_inside(
    container: Container,
    model: Path,
    arguments: Sequence[str],
    *,
    seconds: float,
    tick: Callable[[float], None],
    log: Callable[[str], None],
) -> Outcome:
    """Run child.py in the sandbox and return its outcome.

    ``log`` is called with lines of its output, ``tick`` at intervals with the elapsed seconds. If ``tick`` raises an
    exception, the process is stopped and the exception is raised again. At the end the process group is always killed,
    and with it everything in its namespace. Raises FilterUnavailable if there is no filter of system calls.
    """
    with filter_file() as seccomp:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            container.command(model, arguments, seccomp=seccomp),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin"},
            cwd="/",
            close_fds=True,
            pass_fds=(seccomp,),
            start_new_session=True,
        )
    try:
        return _watch(process, seconds, tick, log)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _watch(
    process: subprocess.Popen[bytes], seconds: float, tick: Callable[[float], None], log: Callable[[str], None]
) -> Outcome:
    assert process.stdout is not None  # noqa: S101 - Popen was given pipes
    assert process.stderr is not None  # noqa: S101 - Popen was given pipes
    answer, tail, started_at = bytearray(), _Tail(_MAX_LOG), time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, answer.extend)
        selector.register(process.stderr, selectors.EVENT_READ, _lines(tail, log))
        while selector.get_map():
            for key, _ in selector.select(_WAIT_SECONDS):
                if piece := os.read(key.fd, _CHUNK):
                    key.data(piece)
                else:
                    selector.unregister(key.fileobj)
            elapsed = time.monotonic() - started_at
            if len(answer) > MAX_ANSWER:
                return Outcome(b"", tail.content, -1, f"its answer is larger than {MAX_ANSWER // 1_000_000} MB")
            if elapsed > seconds:
                return Outcome(b"", tail.content, -1, f"it took longer than {seconds:g} seconds")
            tick(elapsed)
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.1, seconds - (time.monotonic() - started_at)))
    code = process.poll()
    return Outcome(bytes(answer), tail.content, -1 if code is None else code)


def _lines(tail: _Tail, log: Callable[[str], None]) -> Callable[[bytes], None]:
    """Return a function that adds a piece of output to ``tail`` and logs its last line."""

    def add_and_log(piece: bytes) -> None:
        tail.add(piece)
        lines = piece.decode("utf-8", "replace").strip().splitlines()
        if lines:
            log(lines[-1][:300])

    return add_and_log
