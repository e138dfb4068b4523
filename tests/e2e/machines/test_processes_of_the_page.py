"""The processes that docs/operations.md names run by its own commands, one by one and without `up`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.config.edge.conftest import broker
from tests.documented_commands import PAGE, documented_commands, run_documented
from tests.e2e.installation import PATIENCE, ROOT, Installation, free_port

__all__ = ["broker"]
pytestmark = pytest.mark.e2e
_ROW = re.compile(r"^\| ([\w, ]+) \| `([^`]+)` \|", re.MULTILINE)


class Machine:
    """A data directory, and the processes that were started on it by commands of the page."""

    def __init__(self, data: Path, broker_url: str, stack: ExitStack) -> None:
        self.port, self.edge_port = free_port(), free_port()
        self.data, self.stack = data, stack
        ours = {"REDIS_URL": broker_url, "CUSTODY_EDGE_PORT": str(self.edge_port)}
        self.environment = Installation(data, environment=ours).shell
        self.data.mkdir(mode=0o700)

    def start(self, name: str, command: str) -> None:
        """Start a process by its command; its port is another one."""
        line = command.replace("--port 8080", f"--port {self.port}")
        path = f"{Path(sys.executable).parent}{os.pathsep}{ROOT}{os.pathsep}{os.environ['PATH']}"
        with (self.data / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                ["/bin/bash", "-c", f"exec {line}"],
                cwd=ROOT,
                env=self.environment | {"PATH": path},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.stack.callback(_end, process)

    def said(self) -> str:
        """Return what the processes have written."""
        return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in self.data.glob("*.log"))

    def until(self, holds: Callable[[], Any]) -> Any:
        """Return what holds, as soon as it does."""
        deadline = time.monotonic() + PATIENCE
        while not (value := _tried(holds)):
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.2)
        return value


def _end(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)


def _tried(holds: Callable[[], Any]) -> Any:
    try:
        return holds()
    except (requests.RequestException, OSError, ValueError):
        return None


@pytest.fixture
def machine(tmp_path: Path, broker: str) -> Iterator[Machine]:
    with ExitStack() as stack:
        yield Machine(tmp_path / "data", broker, stack)


def processes() -> dict[str, str]:
    """Return the commands of the table by the names of the processes."""
    section = PAGE.partition("| process | command | how many |")[2].partition("\n\n")[0]
    return {name: command for name, command in _ROW.findall(section) if set(name) != {"-"}}


def test_the_processes_of_the_table_are_an_installation(machine: Machine) -> None:
    commands = processes()
    assert list(commands) == ["migrations", "web", "worker, fast", "worker, slow", "scheduler", "sequencer", "edge"]
    run_documented(commands.pop("migrations").replace("manage.py", "./manage.py"), machine.environment, {})
    for name, command in commands.items():
        machine.start(name.replace(", ", "-"), command)

    well = {"status": "ok", "database": "ok", "broker": "ok", "workers": "ok", "scheduler": "ok", "audit_log": "ok"}
    url = f"http://127.0.0.1:{machine.port}/healthz"
    machine.until(lambda: well.items() <= requests.get(url, timeout=5).json().items())
    edge = machine.until(lambda: requests.get(f"http://127.0.0.1:{machine.edge_port}/healthz", timeout=5).json())
    assert edge["database"] == "ok"


def test_the_witness_of_the_page_cosigns(machine: Machine, tmp_path: Path) -> None:
    (command,) = (each for each in documented_commands() if "audit_witness" in each)
    run_documented("./manage.py migrate && ./manage.py audit_sequencer --once", machine.environment, {})
    code = (
        "import django; django.setup()\nfrom audit.transparency.keys import log_signers\nprint(log_signers()[0].vkey)"
    )
    python = [sys.executable, "-c", code]
    settings = machine.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    vkey = subprocess.run(python, cwd=ROOT, env=settings, capture_output=True, text=True, check=True).stdout
    (tmp_path / "log.vkey").write_text(vkey.strip())
    port = free_port()
    line = command.replace("log.vkey", str(tmp_path / "log.vkey")).replace("DIR", str(tmp_path / "witness"))
    machine.start("witness", f"{line} --port {port}")

    said = machine.until(lambda: re.search(r"CUSTODY_WITNESSES=(\S+)", (machine.data / "witness.log").read_text()))
    address = said[1].replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - what the command of the page listens on
    machine.environment |= {"CUSTODY_WITNESSES": address, "CUSTODY_WITNESS_QUORUM": "1"}
    machine.start("sequencer", "manage.py audit_sequencer")
    run_documented("./manage.py create_user ada", machine.environment, {})

    held = machine.until(lambda: [json.loads(path.read_text()) for path in (tmp_path / "witness").glob("*.json")])
    assert "audit.example/witness" in held[0]["cosignature"]
