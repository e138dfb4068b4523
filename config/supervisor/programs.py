"""The programs of an installation: the web server, one worker for each queue, the scheduler, the sequencer,
and edge, which lets clients wait.
"""

from __future__ import annotations

import errno
import http.client
import os
import signal
import socket
import sys
from pathlib import Path

from config.celery import app
from config.supervisor.processes import Program

# Threads of the worker of each queue: fast checks never wait for slow ones, and checks mostly wait for input.
QUEUES = {"fast": 4, "slow": 2}
# Threads of a web process. Most only receive bodies (config/bodies/slow.py); 16 work at the same time
# (config/bodies/receive.py), because a promotion may wait some seconds for running checks. granian starts them when it
# needs them.
WEB_THREADS = 256
# The time within which the head of a request must be complete.
HEAD_MILLISECONDS = 5000


def web(host: str, port: int, *, workers: int) -> Program:
    """Return the web server; it is ready when /healthz answers 200."""
    command = [
        *_module("granian"),
        *("--interface", "wsgi", "--host", host, "--port", str(port), "--no-ws", "--http", "1"),
        *("--workers", str(workers), "--blocking-threads", str(WEB_THREADS), "--blocking-threads-idle-timeout", "600"),
        *("--respawn-failed-workers", "--workers-kill-timeout", "3", "--log-level", "warning"),
        *("--http1-header-read-timeout", str(HEAD_MILLISECONDS)),
        "config.wsgi:application",
    ]
    # SIGTERM, not SIGKILL, so that granian stops its own processes.
    return Program("web", command, lambda _pid: is_healthy(host, port), on_orphaned=signal.SIGTERM)


def worker(queue: str) -> Program:
    """Return the worker of one queue; it is ready when it answers a ping through the broker."""
    # The process id of the supervisor distinguishes installations on the same broker.
    node = f"{queue}-{os.getpid()}@{socket.gethostname()}"
    command = [
        *(*_module("celery"), "-A", "config", "worker", "--queues", queue, "--hostname", node),
        *("--pool", "threads", "--concurrency", str(QUEUES[queue]), "--loglevel", "INFO"),
        *("--without-gossip", "--without-mingle"),
    ]
    return Program(f"worker-{queue}", command, lambda _pid: is_answering(node))


def scheduler(runtime: Path) -> Program:
    """Return the scheduler (Celery beat); it is ready when it has written its process id.

    Makes the directory of that file.
    """
    # The embedded broker makes the directory too, but is not always in use.
    runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    pid_file = runtime / "beat.pid"
    command = [
        *(*_module("celery"), "-A", "config", "beat", "--loglevel", "WARNING"),
        *("--pidfile", str(pid_file)),
    ]

    def has_started(pid: int) -> bool:
        return pid_file.exists() and pid_file.read_text(encoding="utf-8").strip() == str(pid)

    return Program("scheduler", command, has_started)


def sequencer(manage: Path) -> Program:
    """Return the sequencer of the audit log.

    It counts as ready at once: /healthz reports why it does not sign, and that must not stop the start.
    """
    return Program("sequencer", [sys.executable, str(manage), "audit_sequencer"], lambda _pid: True)


def edge(manage: Path, host: str, port: int) -> Program:
    """Return the program that lets clients wait.

    It counts as ready at once: the installation serves without it, and /healthz says whether it answers.
    """
    command = [sys.executable, str(manage), "edge", "--host", host, "--port", str(port)]
    return Program("edge", command, lambda _pid: True, on_orphaned=signal.SIGTERM)


def is_healthy(host: str, port: int) -> bool:
    """Return whether the web server answers 200 at /healthz."""
    connection = http.client.HTTPConnection(reachable_host(host), port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_answering(node: str) -> bool:
    """Return whether the named worker answers a ping."""
    try:
        return bool(app.control.inspect(destination=[node], timeout=1.0, limit=1).ping())
    except Exception:  # noqa: BLE001 - whatever the client of the broker raises, the worker is not ready
        return False


def port_problem(host: str, port: int) -> str:
    """Return the reason why no server can listen on host and port, "" where it can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program. Choose another with --port."
        return f"Cannot listen on {host}, port {port}: {error.strerror}."
    return ""


def reachable_host(host: str) -> str:
    """Return the host under which this machine reaches a server that listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]
