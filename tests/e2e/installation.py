"""A whole running installation, as `script/up` starts it, for tests that drive it from outside."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from config.supervisor.parents import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct-horse-battery"
_CHECKED = "--skip-checks"  # `up` ran the system checks when it started; again, they take as long as the command
PATIENCE = 120  # seconds: a busy machine is no failure


@dataclass
class Installation:
    """A `manage.py up` over its own data directory, running between `start()` and `stop()` or inside a `with`.

    ``manage("issue_token", "ada")`` runs a command against it and returns its standard output; ``token("ada")`` issues
    a token; ``person("ada", groups=["reviewers"])`` creates somebody who signs in with PASSWORD. Where ``migrated`` is
    the file of a database, a first start begins with a copy of it instead of running every migration.
    """

    data: Path
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ("--no-demo",)
    migrated: Path | None = None

    def __post_init__(self) -> None:
        self.port = self.port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.output = self.data.parent / f"{self.data.name}.up.log"
        self._up: subprocess.Popen[bytes] | None = None
        self._commands: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        assert self._up is not None
        return self._up.pid

    def start(self) -> Installation:
        """Start it and return when it says that it is ready; fail with its output when it ends instead."""
        command = [
            sys.executable,
            str(ROOT / "manage.py"),
            "up",
            "--port",
            str(self.port),
            "--data",
            str(self.data),
            *self.options,
        ]
        if self.migrated and not self.data.exists():
            self.data.mkdir(mode=0o700)
            shutil.copy(self.migrated, self.data / "custody.sqlite3")
        with self.output.open("wb") as output:
            self._up = subprocess.Popen(
                command,
                env=self._environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one prctl: a killed pytest leaves nothing running
            )
        while "is ready at" not in self.said():
            try:
                self._up.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
            raise AssertionError(f"`up` ended with code {self._up.returncode}:\n{self.said()}")
        return self

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def said(self) -> str:
        """Return what `up` has printed so far."""
        return self.output.read_text(encoding="utf-8")

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it with a signal and return its exit code."""
        assert self._up is not None
        self.end_commands()
        self._up.send_signal(number)
        return self._up.wait(PATIENCE)

    def reap(self) -> None:
        """Wait for a `up` that was killed from outside, so that no zombie of it stays."""
        self.end_commands()
        if self._up is not None:
            self._up.wait(PATIENCE)

    def end_commands(self) -> None:
        """End the process that runs the commands of `manage`; the next command starts another."""
        if self._commands is not None:
            self._commands.communicate()
            self._commands = None

    def manage(self, *arguments: str, stdin: str = "") -> str:
        """Run manage.py against this installation and return what it printed; fail with its errors."""
        if self._commands is None:
            self._commands = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.resident_manage"],
                cwd=ROOT,
                env=self.shell,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._commands.stdin
        assert self._commands.stdout
        self._commands.stdin.write(json.dumps({"arguments": arguments, "stdin": stdin}) + "\n")
        self._commands.stdin.flush()
        done = json.loads(self._commands.stdout.readline() or '{"code": 1, "error": "the process of commands ended"}')
        assert not done["code"], f"manage.py {' '.join(arguments)}: {done['error']}"
        return str(done["output"])

    def token(self, user: str, *options: str) -> str:
        """Return a new API token of a user."""
        return self.manage("issue_token", user, *options, _CHECKED).strip()

    def person(self, name: str, *, groups: tuple[str, ...] = (), superuser: bool = False) -> str:
        """Create a person with PASSWORD and return the name."""
        options = [word for group in groups for word in ("--group", group)] + ["--superuser"] * superuser
        self.manage("create_user", name, *options, "--password-stdin", _CHECKED, stdin=PASSWORD + "\n")
        return name

    def processes(self) -> dict[int, str]:
        """Return the processes that belong to this data directory: pid → command line."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _mentions(entry, str(self.data)):
                found[int(entry.name)] = _read(entry / "cmdline").replace(b"\0", b" ").decode("utf-8", "replace")
        return found

    @property
    def shell(self) -> dict[str, str]:
        """Return the environment of a shell on the machine of this installation."""
        return self._environment() | {"CUSTODY_DATA": str(self.data)}

    def _environment(self) -> dict[str, str]:
        """Return our environment without what would point the installation elsewhere."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not re.match(r"CUSTODY_|DATABASE_URL|REDIS_URL|ARTIFACT_URL|DJANGO_", name)
        }
        return kept | {"CUSTODY_EDGE_PORT": "0"} | self.environment


def free_port() -> int:
    """Return a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _mentions(process: Path, data: str) -> bool:
    """Return whether a process was started for a data directory, by its environment or its command line."""
    needle = data.encode()
    if _read(process / "stat").rpartition(b")")[2].split()[:1] == [b"Z"]:
        return False
    return f"CUSTODY_DATA={data}".encode() in _read(process / "environ").split(b"\0") or needle in _read(
        process / "cmdline"
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended meanwhile, or is not ours to see
        return b""
