"""Measures how soon waiting clients hear of a promotion, and the memory of edge for each of them.

Clients, edge, the database and the rest of the installation share the machine; the figures include the clients.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.databases import database, engine
from bench.figures import Figure
from bench.servers import custody, custody_environment, free_port
from config.env import BASE_DIR

COUNTS = (2_000, 10_000)
FEW = 200
ROUNDS = 5
TOKENS = 100
MOST_BYTES = 20_000
MOST_MS = 100.0
_OTHER_FILES = 500


@dataclass(frozen=True, slots=True)
class Delay:
    """Milliseconds from a commit until clients had the answer: medians of several rounds."""

    p50: float
    p99: float
    last: float

    def __str__(self) -> str:
        return f"p50 {self.p50:.0f} ms, p99 {self.p99:.0f} ms, last {self.last:.0f} ms"


class Process:
    """A process that answers a JSON line with a JSON line."""

    def __init__(self, stack: ExitStack, module: str, *arguments: str, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", module, *arguments]
        self._popen = stack.enter_context(
            subprocess.Popen(
                command, cwd=BASE_DIR, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        stack.callback(self._popen.kill)

    def do(self, action: str, **arguments: object) -> Any:
        """Return the answer to a command."""
        assert self._popen.stdin
        assert self._popen.stdout
        self._popen.stdin.write(json.dumps({"do": action, **arguments}) + "\n")
        self._popen.stdin.flush()
        return json.loads(self._popen.stdout.readline())


def figures() -> Iterator[Figure]:
    """Yield the memory for each client and the delays, for polls and streams and each number of clients."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    counts = [count for count in COUNTS if count * 1.1 + _OTHER_FILES < files]
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_edge", Path(directory)) as url,
        custody(url, Path(directory), edge_port=port),
        ExitStack() as stack,
    ):
        environment = custody_environment(url, Path(directory), edge_port=port)
        promoter = Process(stack, "bench.edge.promoter", environment=environment)
        tokens = promoter.do("prepare", models=["few", "all"], tokens=TOKENS)["tokens"]
        until_waiting(port, 0)
        empty = _memory_of(port)
        for kind in ("poll", "stream"):
            for count in counts:
                where = f"{count:,} clients ({kind}), {engine()}, load {os.getloadavg()[0]:.1f}"
                few, everybody = _delays(kind, count, port, promoter, tokens)
                yield Figure(f"{FEW} of {where}: {few}", 1000 / few.p99, 1000 / MOST_MS, "limit 100 ms", 1, "/s")
                name = f"{count - FEW:,} of {where}: {everybody}"
                yield Figure(name, 1000 / everybody.p99, 1000 / MOST_MS, "100 ms, no limit", 0, "/s")
        used = (_memory_of(port) - empty) / counts[-1]  # what was taken for a while and not given back is included
    yield Figure(f"memory of edge for each of {counts[-1]:,} clients", MOST_BYTES, used, "used", 1, " B allowed")


def _delays(kind: str, count: int, port: int, promoter: Process, tokens: list[str]) -> tuple[Delay, Delay]:
    """Return the delays for the few who wait for one model, and for all others, who wait for another."""
    until_waiting(port, 0)
    with clients_of(kind, port) as clients:
        clients.do("open", groups=[("few", FEW), ("all", count - FEW)], tokens=tokens)
        until_waiting(port, count)
        few = _delay("few", count, port, promoter, clients)
        return few, _delay("all", count, port, promoter, clients)


def _delay(model: str, count: int, port: int, promoter: Process, clients: Process) -> Delay:
    rounds = []
    for _ in range(ROUNDS):
        committed = promoter.do("promote", name=model)["at"]
        result = clients.do("collect", model=model)
        assert not result["failures"], "clients were refused or cut off"
        rounds.append(sorted((moment - committed) * 1000 for moment in result["moments"]))
        until_waiting(port, count)
    return median_delay(rounds)


def median_delay(rounds: Sequence[Sequence[float]]) -> Delay:
    """Return the medians of several rounds, each of which is the sorted delays of all clients in milliseconds."""
    return Delay(
        statistics.median(delays[len(delays) // 2] for delays in rounds),
        statistics.median(delays[int(len(delays) * 0.99)] for delays in rounds),
        statistics.median(delays[-1] for delays in rounds),
    )


@contextmanager
def clients_of(kind: str, port: int) -> Iterator[Process]:
    """Run a process of clients (`poll` or `stream`) of the edge on a port."""
    with ExitStack() as stack:
        yield Process(stack, "bench.edge.clients", str(port), kind, environment=dict(os.environ))


def until_waiting(port: int, count: int) -> None:
    """Return when so many clients wait at the edge on a port. Raises TimeoutError."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=30) as answer:
            health = json.load(answer)
        if health["polls"] + health["streams"] == count:
            return
        time.sleep(0.05)
    raise TimeoutError(f"{health} instead of {count} waiting clients")


def _memory_of(port: int) -> int:
    """Return the resident bytes of the program edge on a port."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and f"edge\0--host\x00127.0.0.1\0--port\0{port}\0" in _command_of(process):
            (line,) = [line for line in (process / "status").read_text().splitlines() if line.startswith("VmRSS:")]
            return int(line.split()[1]) * 1024
    raise LookupError(f"no edge runs on port {port}")


def _command_of(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended meanwhile
        return ""
