"""The figures of growth: pages, lists, searches and scheduled tasks of an installation of some years.

GROWTH_BENCH_SIZE is small, middle (the default) or full. With GROWTH_BENCH_KEEP=1 the database stays for the next run.
It needs PostgreSQL, and the full size needs about 8 GB there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from bench.databases import database, engine
from bench.figures import Figure
from bench.growth.size import SIZES
from config.env import BASE_DIR
from config.supervisor.broker import answers, valkey

_PAGE_MS = 300.0
# A scheduled task takes at most this part of its interval, and never longer than this when nothing has changed.
_PART = 0.1
_TASK_MS = 1000.0


def figures(only: str, size: str) -> Iterator[Figure]:
    """Yield every figure of the area."""
    if engine() != "PostgreSQL":
        print("growth: PostgreSQL is needed, and no server answers")
        return
    keeps = os.environ.get("GROWTH_BENCH_KEEP") == "1"
    name = f"custody_bench_growth_{size}"
    with (
        tempfile.TemporaryDirectory() as directory,
        database(name, Path(directory), keep=keeps) as url,
        _broker(Path(directory)) as broker_url,
    ):
        environment = os.environ | {
            "DATABASE_URL": url,
            "REDIS_URL": broker_url,
            "CUSTODY_DATA": directory,
            "GROWTH_BENCH_ONLY": only,
        }
        command = [sys.executable, "-m", "bench.growth.worker", size]
        answer = subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    measured = orjson.loads(answer.stdout.splitlines()[-1])
    print(f"growth: {SIZES[size]}, at load {measured['load']:.1f}")
    yield from _figures(measured)


@contextmanager
def _broker(directory: Path) -> Iterator[str]:
    """Run a broker and yield its URL. Nobody takes the messages of the tasks."""
    socket = directory / "broker.sock"
    url = f"redis+socket://{socket}?virtual_host=0"
    command = valkey(socket, directory / "data").command
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        while not answers(url):
            time.sleep(0.05)
        yield url
        server.terminate()


def _figures(measured: dict[str, Any]) -> Iterator[Figure]:
    for search in measured["searches"]:
        name, took = f"search {search['name']}", search["ms"]
        if search["limit"]:
            yield _time(name, took, search["limit"])
        if search["most_mb"]:
            answer = f"{name}: {took:,.0f} ms, {search['mb']:.1f} MB; the process grows by"
            yield Figure(answer, search["most_mb"], max(search["grown"], 0.1), "used", 1, " MB allowed")
    for path, took in measured["pages"].items():
        yield _time(path, took, _PAGE_MS)
    for name, (took, interval) in measured["tasks"].items():
        yield _time(f"task {name} every {interval:g} s", took, min(interval * 1000 * _PART, _TASK_MS))


def _time(name: str, took: float, limit: float) -> Figure:
    """Return the figure of a time in milliseconds and its limit: how often it fits into a second."""
    return Figure(f"{name}: {took:,.1f} ms", 1000 / took, 1000 / limit, f"limit {limit:g} ms", 1)
