"""Measures how soon clients of two hosts hear of a promotion; both are on this machine, with one database."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.databases import database, engine
from bench.edge.delays import FEW, MOST_MS, ROUNDS, TOKENS, Delay, Process, clients_of, median_delay, until_waiting
from bench.figures import Figure
from bench.servers import custody, custody_environment, free_port
from config.env import runtime_dir

CLIENTS = 2_000


def figures() -> Iterator[Figure]:
    """Yield the delay of the few who wait for a model, half of them at each host, for polls and streams."""
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_hosts", Path(directory)) as url,
        _hosts(url, Path(directory)) as ports,
        ExitStack() as stack,
    ):
        environment = custody_environment(url, Path(directory) / "one", edge_port=ports[0])
        promoter = Process(stack, "bench.edge.promoter", environment=environment)
        tokens = promoter.do("prepare", models=["few", "all"], tokens=TOKENS)["tokens"]
        for kind in ("poll", "stream"):
            delay = _delay(kind, ports, promoter, tokens)
            where = f"{FEW} of {CLIENTS:,} clients ({kind}) at two hosts, {engine()}, load {os.getloadavg()[0]:.1f}"
            yield Figure(f"{where}: {delay}", 1000 / delay.p99, 1000 / MOST_MS, "limit 100 ms", 1, "/s")


@contextmanager
def _hosts(url: str, directory: Path) -> Iterator[list[int]]:
    """Run two installations on one database and yield the ports of their edges; the second uses the first's broker."""
    ports = [free_port(), free_port()]
    one, two = directory / "one", directory / "two"
    for folder in (one, two):
        folder.mkdir()
    with custody(url, one, edge_port=ports[0]):
        shutil.copytree(one / "custody" / "keys", two / "custody" / "keys")
        shared = {
            "REDIS_URL": f"redis+socket://{runtime_dir(one / 'custody') / 'valkey.sock'}?virtual_host=0",
            "CUSTODY_LOG_STATE": str(one / "custody" / "audit-log"),
            "ARTIFACT_URL": (one / "custody" / "artifacts").as_uri(),
        }
        with custody(url, two, edge_port=ports[1], **shared):
            yield ports


def _delay(kind: str, ports: list[int], promoter: Process, tokens: list[str]) -> Delay:
    each, few = CLIENTS // len(ports), FEW // len(ports)
    with ExitStack() as stack:
        hosts = [stack.enter_context(clients_of(kind, port)) for port in ports]
        for host in hosts:
            host.do("open", groups=[("few", few), ("all", each - few)], tokens=tokens)
        rounds = []
        for _ in range(ROUNDS):
            for port in ports:
                until_waiting(port, each)
            committed = promoter.do("promote", name="few")["at"]
            results = [host.do("collect", model="few") for host in hosts]
            assert not any(result["failures"] for result in results), "clients were refused or cut off"
            rounds.append(sorted((moment - committed) * 1000 for result in results for moment in result["moments"]))
    for port in ports:
        until_waiting(port, 0)
    return median_delay(rounds)
