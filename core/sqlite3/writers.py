"""The queue of the writers of one SQLite file: first come, first served, over threads and processes.

SQLite has one writer at a time, and waiting writers try again after pauses that grow: with 16 threads some waited for
30 seconds while others wrote many times. Here the threads of a process wait in a queue. The first of them takes a
number from a file beside the database and waits until the writer with the number before has finished, so the processes
take turns.

Each number is a byte of that file, locked by whoever has it (`fcntl.lockf`): the locks of a process that dies are
released. The queue only decides the order. That there is one writer is guaranteed by SQLite's own lock.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PAUSE = 0.0005  # seconds between two reads of the previous number
_DIGITS = 16  # the first bytes hold the last number that was given, in decimal; numbers start behind them


@dataclass
class WriterQueue:
    """The queue of one database file in this process.

    ``path`` is the file with the numbers; it is made when missing.
    """

    path: Path
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _waiting: deque[threading.Event] = field(default_factory=deque)
    _taken: bool = False
    _file: int | None = None
    _number: int = 0

    def take(self, timeout: float) -> bool:
        """Wait for this thread's turn to write; return False, without a lock, after ``timeout`` seconds.

        Raises OSError where the file cannot be opened or written.
        """
        ends = time.monotonic() + timeout
        if not self._take_thread_turn(timeout):
            return False
        try:
            came = self._take_number(ends)
        except BaseException:
            self.give()
            raise
        if not came:
            self.give()
        return came

    def give(self) -> None:
        """End the turn: the writer with the next number continues; the next thread of this process takes a number."""
        number, self._number = self._number, 0
        try:
            if number:
                fcntl.lockf(self._opened(), fcntl.LOCK_UN, 1, number)
        finally:
            self._give_thread_turn()

    def _take_thread_turn(self, timeout: float) -> bool:
        with self._guard:
            if not self._taken:
                self._taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        came = False
        try:
            came = turn.wait(timeout)
        finally:
            if not came:
                came = self._leave(turn)
        return came

    def _leave(self, turn: threading.Event) -> bool:
        """Leave the queue of threads; True where the turn came after the wait had ended."""
        with self._guard:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
            return False

    def _give_thread_turn(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._taken = False

    def _take_number(self, ends: float) -> bool:
        file = self._opened()
        with _locked(file, 0, _DIGITS):
            last = _last_number(file)
            number = last + 1
            fcntl.lockf(file, fcntl.LOCK_EX, 1, number)
            self._number = number
            os.pwrite(file, b"%0*d" % (_DIGITS, number), 0)
        while not _try_lock(file, last):
            if time.monotonic() > ends:
                return False
            time.sleep(_PAUSE)
        fcntl.lockf(file, fcntl.LOCK_UN, 1, last)
        return True

    def _opened(self) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._file


def _last_number(file: int) -> int:
    written = os.pread(file, _DIGITS, 0)
    return max(int(written), _DIGITS) if written.isdigit() else _DIGITS


@contextmanager
def _locked(file: int, start: int, length: int) -> Iterator[None]:
    fcntl.lockf(file, fcntl.LOCK_EX, length, start)
    try:
        yield
    finally:
        fcntl.lockf(file, fcntl.LOCK_UN, length, start)


def _try_lock(file: int, number: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except (BlockingIOError, PermissionError):  # POSIX allows both
        return False
    return True


_queues: dict[str, WriterQueue] = {}
_queues_guard = threading.Lock()


def queue_of(database: str) -> WriterQueue:
    """Return this process's queue for a database file: one for each file, shared by all its threads."""
    with _queues_guard:
        if database not in _queues:
            _queues[database] = WriterQueue(Path(f"{database}-writers"))
        return _queues[database]


# A child has neither the threads nor the locks of its parent.
os.register_at_fork(after_in_child=_queues.clear)
