"""Measures how long promotions wait where many are asked for at once on SQLite, which has one writer at a time.

16 clients move versions that no policy governs; then versions that a rule governs, so that each move opens, approves
and applies a request; then half of them do, while the others ask again for a move that waits for a reviewer.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.figures import Figure
from bench.servers import custody, custody_environment
from config.env import BASE_DIR
from demo.client import MLFLOW, Client, Refused

_PROMOTERS = 16
_SECONDS = 20.0
_LIMIT_MS = 500.0
Waits = list[float]


def figures() -> Iterator[Figure]:
    """Yield the 99th percentile against the limit for each mix, and the least busy client's share of the mean."""
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(_PROMOTERS) as pool:
        database = f"sqlite:///{directory}/writers.sqlite3"
        with custody(database, Path(directory)) as (url, token):
            environment = custody_environment(database, Path(directory))
            command = [sys.executable, "-m", "bench.writers_worker"]
            subprocess.run(command, cwd=BASE_DIR, env=environment, check=True)
            client = Client(url, token=token)
            for kind in ("free", "governed", "reviewed"):
                for number in range(_PROMOTERS):
                    client.post(MLFLOW + "registered-models/create", {"name": f"{kind}{number}"})
                    version = {"name": f"{kind}{number}", "source": "s3://bench/m/1"}
                    client.post(MLFLOW + "model-versions/create", version)

            def run(work: Callable[[Client, int], Waits]) -> list[Waits]:
                return list(pool.map(lambda number: work(Client(url, token=token), number), range(_PROMOTERS)))

            yield from _of("moves without a policy", run(_promote_free))
            yield from _of("moves under a rule", run(_promote_governed))
            mixed = run(_promote_or_ask)
            yield from _of("moves under a rule beside refusals", mixed[::2])
            yield from _of("refusals beside them", mixed[1::2])


def _of(what: str, each: Sequence[Waits]) -> Iterator[Figure]:
    waits = [wait for one in each for wait in one]
    slowest = statistics.quantiles(waits, n=100)[-1]
    where = f"{len(each)} of {_PROMOTERS} clients, SQLite: {len(waits)} {what} in {_SECONDS:.0f} s"
    median, longest = statistics.median(waits), max(waits)
    said = f"{where}, median {median:.0f} ms, 99th percentile {slowest:.0f} ms, longest {longest:.0f} ms"
    yield Figure(said, 1000 / slowest, 1000 / _LIMIT_MS, f"at most {_LIMIT_MS:.0f} ms", target=1)
    counts = [len(one) for one in each]
    yield Figure(f"{where}, fewest of a client", min(counts), statistics.mean(counts), "mean", target=0.5, unit="")


def _promote_free(client: Client, number: int) -> Waits:
    return _move(client, f"free{number}", ("Production", "Archived"))


def _promote_governed(client: Client, number: int) -> Waits:
    return _move(client, f"governed{number}", ("Staging", "Archived"))


def _promote_or_ask(client: Client, number: int) -> Waits:
    return _promote_governed(client, number) if number % 2 == 0 else _move(client, f"reviewed{number}", ("Production",))


def _move(client: Client, name: str, stages: Sequence[str]) -> Waits:
    """Move the version of a model from stage to stage until the time is over; return each call's milliseconds."""
    waits: Waits = []
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        for stage in stages:
            began = time.monotonic()
            try:
                client.post(MLFLOW + "model-versions/transition-stage", {"name": name, "version": "1", "stage": stage})
            except Refused as error:
                if not error.blocked_by:
                    raise
            waits.append((time.monotonic() - began) * 1000)
    return waits
