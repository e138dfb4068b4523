"""Measures how long a validation job waits for an idle worker, from "queued" to "started".

The time includes the transaction that opens the request, the outbox, the broker, the worker and its lease. It is
`started_at` less `queued_at` of the job: the first is set with the lease, the second before the transaction commits.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bench.databases import database, engine
from bench.figures import Figure
from bench.servers import custody
from config.env import BASE_DIR
from demo.client import MLFLOW, REST, Client

_JOBS = 40
_WARM_UP = 5
_LIMIT_MS = 100.0
_PAUSE = 0.3  # so that each job finds the worker idle
_POLICY = {
    "name": "latency",
    "applies_to": {"target": "Staging", "models": "*"},
    "rules": [{"id": "tags", "check": "lineage.required_tags"}],
}


def figures() -> Iterator[Figure]:
    """Yield the median and the 95th percentile against the limit, with a real broker and worker."""
    with (
        tempfile.TemporaryDirectory() as directory,
        database("custody_bench_latency", Path(directory)) as database_url,
        custody(database_url, Path(directory)) as (url, token),
    ):
        _publish(database_url, Path(directory))
        waits = _waits(Client(url, token=token))
    where = f"check queued to started, idle worker, {engine()}"
    for name, value in (
        ("median", statistics.median(waits)),
        ("95th percentile", statistics.quantiles(waits, n=20)[-1]),
    ):
        line = f"{where}: {name} {value:.0f} ms"
        yield Figure(line, 1000 / value, 1000 / _LIMIT_MS, f"at most {_LIMIT_MS:.0f} ms", target=1)


def _publish(database_url: str, directory: Path) -> None:
    environment = os.environ | {"DATABASE_URL": database_url, "CUSTODY_DATA": str(directory / "custody")}
    code = f"import json; from bench.policies import publish; publish(json.loads({json.dumps(_POLICY)!r}))"
    subprocess.run(
        [sys.executable, str(BASE_DIR / "manage.py"), "shell", "-v", "0", "-c", code], env=environment, check=True
    )


def _waits(client: Client) -> list[float]:
    """Return the milliseconds that each of many jobs waited, the first ones left out."""
    client.post(MLFLOW + "registered-models/create", {"name": "latency"})
    waits = []
    for number in range(1, _WARM_UP + _JOBS + 1):
        client.post(MLFLOW + "model-versions/create", {"name": "latency", "source": f"s3://bench/latency/{number}"})
        body = {"model": "latency", "version": number, "target": "Staging"}
        request = client.post(REST + "transition-requests", body)["id"]
        waits.append(_wait_of(client, request))
        time.sleep(_PAUSE)
    return waits[_WARM_UP:]


def _wait_of(client: Client, request: int) -> float:
    deadline = time.monotonic() + 30
    while True:
        (job,) = client.get(f"{REST}transition-requests/{request}")["checks"]
        if job["started_at"]:
            break
        if time.monotonic() > deadline:
            raise RuntimeError(f"No worker took the check of request {request}.")
        time.sleep(0.05)
    queued, started = (datetime.fromisoformat(job[name]) for name in ("queued_at", "started_at"))
    return max(0.1, (started - queued).total_seconds() * 1000)
