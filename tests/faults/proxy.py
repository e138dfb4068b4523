"""A TCP proxy on this machine that delays, resets and silences connections."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import time
from threading import Lock, Thread

_LINGER = struct.pack("ii", 1, 0)  # closing sends RST
_CHUNK = 65536


class FaultProxy:
    """Passes connections on to ``target`` (a port of this machine, or the path of a socket).

    ``delay`` is the seconds before each piece is passed on. While ``is_silent`` is true, connections are accepted and
    nothing is passed on. While ``resets`` is above zero, that many new connections are reset.
    """

    def __init__(self, target: int | str) -> None:
        self.target = target
        self.delay = 0.0
        self.is_silent = False
        self.resets = 0
        self.connections = 0
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._lock = Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        Thread(target=self._accept, daemon=True).start()

    def reset_all(self) -> None:
        """Reset every open connection, on both sides."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                _reset(end)

    def close(self) -> None:
        """Stop listening, and reset what is open."""
        self._listener.close()
        self.reset_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            if self.resets > 0:
                self.resets -= 1
                _reset(client)
                continue
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = self._connect()
        with self._lock:
            self._pairs.append((client, server))
        with contextlib.suppress(OSError, ValueError):  # reset meanwhile
            while self._pass_on(client, server):
                pass
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.close()

    def _connect(self) -> socket.socket:
        if isinstance(self.target, int):
            return socket.create_connection(("127.0.0.1", self.target))
        server = socket.socket(socket.AF_UNIX)
        server.connect(self.target)
        return server

    def _pass_on(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass one piece on; return whether both ends are open."""
        if self.is_silent:
            time.sleep(0.02)
            return client.fileno() >= 0
        ready, _, _ = select.select([client, server], [], [], 0.05)
        for end, other in ((client, server), (server, client)):
            if end in ready:
                piece = end.recv(_CHUNK)
                if not piece:
                    return False
                time.sleep(self.delay)
                other.sendall(piece)
        return True


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        end.shutdown(socket.SHUT_RD)
    with contextlib.suppress(OSError):
        end.close()
