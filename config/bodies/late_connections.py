"""Closes the connections of requests that were answered before their body arrived, because it was late.

After such an answer a thread of the HTTP library still waits for the body, until the client closes the connection. WSGI
does not name the client's port, so the connection is identified by the number of bytes sent on it: the answers have an
unusual length, and the kernel counts the bytes of each connection. A second later, when the client has had time to read
the answer, connections on which nothing more was sent are shut down. Linux only; elsewhere they stay until the client
closes them.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

# The length of the body of these answers, and the possible lengths of their head.
ANSWER_BYTES = 2048
_HEAD_BYTES = range(60, 1000)
# The time in which the kernel has sent an answer, in seconds.
_SEND_SECONDS = 0.05
_READ_SECONDS = 1.0
_BYTES_SENT = 200  # offset of tcpi_bytes_sent in `struct tcp_info` (linux/tcp.h)
_FILES = Path("/proc/self/fd")
_IS_POSSIBLE = hasattr(socket, "TCP_INFO") and _FILES.is_dir()


class _Answered(NamedTuple):
    since: float
    inode: int
    sent: int


class LateConnections:
    """Connections of one process that were answered early and are to be closed. Only one thread uses it."""

    def __init__(self) -> None:
        self._answered: list[_Answered] = []

    def answer(self, answers: list[Callable[[], None]]) -> None:
        """Send answers and store their connections."""
        before = _sent_bytes()
        for answer in answers:
            answer()
        time.sleep(_SEND_SECONDS)
        now = time.monotonic()
        for inode, sent in _sent_bytes().items():
            if sent - before.get(inode, 0) - ANSWER_BYTES in _HEAD_BYTES:
                self._answered.append(_Answered(now, inode, sent))

    def end(self) -> None:
        """Shut down the connections whose client has had time to read the answer."""
        due = [each for each in self._answered if time.monotonic() - each.since > _READ_SECONDS]
        if not due:
            return
        self._answered = [each for each in self._answered if each not in due]
        expected = {each.inode: each.sent for each in due}
        for inode, connection in _connections():
            with closing(connection):
                if expected.get(inode) == _sent_on(connection):
                    with suppress(OSError):  # the client was quicker
                        connection.shutdown(socket.SHUT_RDWR)


def _sent_bytes() -> dict[int, int]:
    """Return how many bytes were sent on each connection of this process, by inode."""
    sent = {}
    for inode, connection in _connections():
        with closing(connection):
            sent[inode] = _sent_on(connection)
    return sent


def _sent_on(connection: socket.socket) -> int:
    with suppress(OSError, struct.error):  # a listening socket, or a kernel that does not count
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        return int(struct.unpack_from("=Q", info, _BYTES_SENT)[0])
    return -1


def _connections() -> Iterator[tuple[int, socket.socket]]:
    """Yield the inode and a copy of each TCP socket of this process; the caller closes the copies."""
    if not _IS_POSSIBLE:
        return
    for name in os.listdir(_FILES):  # noqa: PTH208 - `iterdir` of a folder that changes meanwhile
        with suppress(OSError):  # closed meanwhile
            if not os.readlink(_FILES / name).startswith("socket:"):  # noqa: PTH115 - of a name that is no path
                continue
            copy = socket.socket(fileno=os.dup(int(name)))
            if copy.family in (socket.AF_INET, socket.AF_INET6) and copy.type == socket.SOCK_STREAM:
                yield os.fstat(copy.fileno()).st_ino, copy
            else:
                copy.close()
