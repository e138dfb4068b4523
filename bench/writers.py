"""Measures how long promotions wait where many are asked for at once on SQLite, which has one writer at a time."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.figures import Figure
from bench.servers import custody
from demo.client import MLFLOW, Client

_PROMOTERS = 16
_SECONDS = 20.0
_LIMIT_MS = 500.0


def figures() -> Iterator[Figure]:
    """Yield the 99th percentile against the limit, and the least busy client's share of the mean."""
    with (
        tempfile.TemporaryDirectory() as directory,
        custody(f"sqlite:///{directory}/writers.sqlite3", Path(directory)) as (url, token),
        ThreadPoolExecutor(_PROMOTERS) as pool,
    ):
        client = Client(url, token=token)
        for number in range(_PROMOTERS):
            client.post(MLFLOW + "registered-models/create", {"name": f"m{number}"})
            client.post(MLFLOW + "model-versions/create", {"name": f"m{number}", "source": "s3://bench/m/1"})
        each = list(pool.map(lambda number: _promote(Client(url, token=token), f"m{number}"), range(_PROMOTERS)))
    waits = [wait for one in each for wait in one]
    slowest = statistics.quantiles(waits, n=100)[-1]
    where = f"{_PROMOTERS} promoters, SQLite: {len(waits)} moves in {_SECONDS:.0f} s"
    median, longest = statistics.median(waits), max(waits)
    said = f"{where}, median {median:.0f} ms, 99th percentile {slowest:.0f} ms, longest {longest:.0f} ms"
    yield Figure(said, 1000 / slowest, 1000 / _LIMIT_MS, f"at most {_LIMIT_MS:.0f} ms", target=1)
    counts = [len(one) for one in each]
    yield Figure(
        f"{where}, fewest moves of a client", min(counts), statistics.mean(counts), "mean", target=0.5, unit=""
    )


def _promote(client: Client, name: str) -> list[float]:
    """Move the version of a model to Production and out again until the time is over;
    return each call's milliseconds.
    """
    waits: list[float] = []
    ends = time.monotonic() + _SECONDS
    while time.monotonic() < ends:
        for stage in ("Production", "Archived"):
            began = time.monotonic()
            client.post(MLFLOW + "model-versions/transition-stage", {"name": name, "version": "1", "stage": stage})
            waits.append((time.monotonic() - began) * 1000)
    return waits
