"""`manage.py up`: runs a whole installation (broker, migrations, web server, workers, scheduler, sequencer, edge) until
Ctrl-C.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from types import FrameType
from typing import NoReturn

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command, get_commands
from django.db import OperationalError, connections

from config import env
from config.data_directory import DataDirectoryUnusable
from config.demonstration import Passwords
from config.metrics.files import clear_metrics
from config.start import prepare_start
from config.supervisor import broker, programs
from config.supervisor.first_start import ADMIN, Demonstration, FirstAccount
from config.supervisor.lock import DataInUse, DataLock
from config.supervisor.processes import Program
from config.supervisor.supervise import CannotRun, Supervisor
from core.ids import whole_number
from core.schema_state import DatabaseUnreachable, UnusableDatabase, require_known_schema

_DEFAULT_PORT = 8080
# The pause between two tries to reach a database that does not answer yet.
_DATABASE_SECONDS = 2.0
# The programs of a killed supervisor end within this time; until then its port and socket are still taken.
_ORPHANS_END_SECONDS = 5.0


class _Stopped(BaseException):
    """The process got SIGINT, SIGTERM or SIGHUP."""


class Command(BaseCommand):
    """`manage.py up`: see `--help`."""

    help = "Start everything this installation needs and keep it running until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options: address, port, data directory, demonstration data and number of workers."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument(
            "--port", type=_port, default=_DEFAULT_PORT, help=f"port to listen on (default {_DEFAULT_PORT})"
        )
        parser.add_argument("--data", help="the data directory (default: CUSTODY_DATA, or var/ beside manage.py)")
        parser.add_argument("--no-demo", action="store_true", help="first start: do not load the demonstration")
        parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), help="web server processes")

    def handle(
        self, *, host: str, port: int, data: str | None, no_demo: bool, workers: int, **_options: object
    ) -> None:
        """Run until a stop signal. Raises CommandError where something cannot be used or does not stay up."""
        self.began = time.monotonic()
        self.data: Path = settings.DATA_DIR
        if data is not None and Path(data).resolve() != self.data:
            raise CommandError("Write --data in full, or set CUSTODY_DATA: the settings are read before the options.")
        self._await_usable_data()
        self.account = FirstAccount(self.data)
        self.demonstration = Demonstration(self.data)
        lock = self._lock()
        clear_metrics(settings.RUNTIME_DIR / "metrics")
        supervisor = Supervisor(logs=self.data / "logs", write_line=self._write_line, heartbeats=settings.RUNTIME_DIR)
        _on_stop_signals(_raise_stop)
        try:
            _require_port(host, port, timeout=_ORPHANS_END_SECONDS if lock.was_killed else 0)
            self._start(supervisor, host, port, workers=max(1, workers), wants_demo=not no_demo)
            supervisor.watch()
        except _Stopped:
            self._write_line("Stopping …")
        except CannotRun as error:
            raise CommandError(str(error)) from error
        finally:
            _on_stop_signals(signal.SIG_IGN)
            supervisor.stop()
            lock.release()
        self._write_line("Stopped.")

    def _await_usable_data(self) -> None:
        """Make the data directory, and wait for a database server that does not answer yet. Raises CommandError."""
        shown_reason = ""
        while reason := _unreachable_database():
            if reason != shown_reason:
                self._write_line(f"Waiting for the database: {reason}")
                shown_reason = reason
            time.sleep(_DATABASE_SECONDS)

    def _lock(self) -> DataLock:
        lock = DataLock(self.data / "lock")
        try:
            lock.acquire()
        except DataInUse as error:
            raise CommandError(
                f"{self.data} is in use by another `up` (process {error}). Stop it, or name another directory with --data DIR."
            ) from error
        return lock

    def _start(self, supervisor: Supervisor, host: str, port: int, *, workers: int, wants_demo: bool) -> None:
        self._start_broker(supervisor)
        self._prepare_database()
        if self.account.ensure():
            self.demonstration.decide(is_requested=wants_demo)
        password = self.account.password()
        _close_database()
        manage = settings.BASE_DIR / "manage.py"
        edge_port = _edge_port(port)
        _set_passkey_origin(port)
        supervisor.start(
            programs.web(host, port, workers=workers),
            *(programs.worker(queue) for queue in programs.QUEUES),
            programs.scheduler(settings.RUNTIME_DIR),
            programs.sequencer(manage),
            *([programs.edge(manage, host, edge_port)] if edge_port else []),
        )
        url = f"http://{programs.reachable_host(host)}:{port}"
        self._welcome(url, password)
        self._start_demonstration(supervisor, url)

    def _start_broker(self, supervisor: Supervisor) -> None:
        if env.text("REDIS_URL"):
            if not broker.answers(settings.REDIS_URL):
                raise CannotRun("No Redis or Valkey answers at REDIS_URL.")
            return
        broker.end_orphan(settings.VALKEY_SOCKET)
        supervisor.start(broker.valkey(settings.VALKEY_SOCKET, self.data))

    def _prepare_database(self) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except OperationalError as error:
            raise CannotRun(f"The database cannot be used: {str(error).strip()}") from error
        if settings.DEFAULT_POLICIES and "publish_default_policies" in get_commands():
            call_command("publish_default_policies", verbosity=0)

    def _start_demonstration(self, supervisor: Supervisor, url: str) -> None:
        if not self.demonstration.is_due or "load_demo" not in get_commands():
            return
        command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "load_demo", "--url", url]

        def loaded() -> None:
            self.demonstration.mark_loaded()
            self._write_line(f"The demonstration is loaded. {Passwords(self.data).sign_in_hint()}")

        self._write_line("Loading the demonstration in the background …")
        supervisor.start_job(Program("demonstration", command, lambda _pid: True), on_success=loaded)

    def _welcome(self, url: str, password: str) -> None:
        manage = f"CUSTODY_DATA={shlex.quote(str(self.data))} {shlex.quote(str(settings.BASE_DIR / 'manage.py'))}"
        lines = [f"Custody {settings.VERSION} is ready at {url}/  ({time.monotonic() - self.began:.1f} s)"]
        if password:
            lines.append(f"  Sign in  {ADMIN}, password {password}  (kept in {self.account.password_file})")
        lines += [
            f"  MLflow   export MLFLOW_TRACKING_URI={url}",
            f"           export MLFLOW_TRACKING_TOKEN=$({manage} issue_token {ADMIN})",
            f"  Logs     {self.data / 'logs'}",
            "  Stop     Ctrl-C",
        ]
        self._write_line("\n".join(lines))

    def _write_line(self, message: str) -> None:
        self.stdout.write(message)
        self.stdout.flush()


def _unreachable_database() -> str:
    """Make the data directory and return why the database does not answer, "" where it does.

    Raises CommandError where the directory or the database cannot be used by this version.
    """
    try:
        prepare_start()
        require_known_schema()
    except DatabaseUnreachable as error:
        return str(error)
    except (DataDirectoryUnusable, UnusableDatabase) as error:
        raise CommandError(str(error)) from error
    return ""


def _port(text: str) -> int:
    port = whole_number(text) or 0
    if not 0 < port < 2**16:
        raise ArgumentTypeError(f"{text!r} is not a port; write a number from 1 to 65535")
    return port


def _edge_port(web_port: int) -> int:
    """Return the port of edge, 0 where it is switched off: the configured one, else the one after the web server's.

    All programs that are started later read it from the environment.
    """
    if not env.text("CUSTODY_EDGE_PORT"):
        os.environ["CUSTODY_EDGE_PORT"] = str((web_port + 1) % 2**16)
    return int(env.number("CUSTODY_EDGE_PORT", 0))


def _set_passkey_origin(web_port: int) -> None:
    """Let passkeys be used at localhost on this port, where no address of the server is configured."""
    if not env.text("CUSTODY_BASE_URL") and not env.names("CUSTODY_PASSKEY_ORIGINS"):
        os.environ["CUSTODY_PASSKEY_ORIGINS"] = f"http://localhost:{web_port}"


def _require_port(host: str, port: int, *, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while reason := programs.port_problem(host, port):
        if time.monotonic() >= deadline:
            raise CannotRun(reason)
        time.sleep(0.1)


def _close_database() -> None:
    """Close the connections of this process: the programs open their own, and the supervisor needs none any more."""
    for connection in connections.all():
        connection.close()
        if getattr(connection, "pool", None):
            connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's only


def _on_stop_signals(action: signal.Handlers | object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, action)  # type: ignore[arg-type]  # a function or SIG_IGN


def _raise_stop(_number: int, _frame: FrameType | None) -> NoReturn:
    _on_stop_signals(signal.SIG_IGN)
    raise _Stopped
