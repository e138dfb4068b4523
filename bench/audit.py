"""The figures of the audit log: how fast it is written, numbered, searched, exported and verified with many events in
it.

Runs in processes of its own over a database of its own. AUDIT_BENCH_EVENTS sets the number of events (default
1,000,000).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bench.databases import database, engine
from bench.figures import Figure
from config.env import BASE_DIR

EVENTS = int(os.environ.get("AUDIT_BENCH_EVENTS", "1000000"))
VERIFY_PER_SECOND = 1_000_000 / 15
EXPORT_PER_SECOND = 1_000_000 / 120
MOST_BYTES = 256 * 1024**2
MOST_QUERY_MS = 50.0
RATIOS = {300: 0.6, 1: 0.4}
_CONNECTIONS = "40"  # one for each of the 32 clients; a web process has fewer, and its requests wait for one


def figures() -> Iterator[Figure]:
    """Yield every figure of the area."""
    with tempfile.TemporaryDirectory() as directory, database("custody_bench_audit", Path(directory)) as url:
        environment = os.environ | {"DATABASE_URL": url, "CUSTODY_DATA": directory, "CUSTODY_DB_POOL": _CONNECTIONS}
        command = [sys.executable, "-m", "bench.audit_worker", str(EVENTS)]
        answer = subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    measured = orjson.loads(answer.stdout.splitlines()[-1])
    yield from _figures(measured)


def _figures(measured: dict[str, Any]) -> Iterator[Figure]:
    where = f"{EVENTS:,} events, {engine()}"
    for name, ms in measured["queries_ms"].items():
        yield Figure(f"find by {name}, {where}", 1000 / ms, 1000 / MOST_QUERY_MS, "limit 50 ms", 1, " pages/s")
    whole = measured["whole"]
    yield Figure(f"number and sign, {where}", whole["sequenced"], 1000, "limit", 1, " events/s")
    yield Figure(f"export, {where}", whole["exported"], EXPORT_PER_SECOND, "limit 120 s a million", 1, " events/s")
    yield Figure(f"verify, {where}", whole["verified"], VERIFY_PER_SECOND, "limit 15 s a million", 1, " events/s")
    yield Figure(f"verify, memory, {where}", MOST_BYTES / 2**20, whole["verify_bytes"] / 2**20, "used", 1, " MB")
    for write in measured["writes"]:
        title = f"changes with an event, {write['clients']} clients, {write['models']} models, {where}"
        yield Figure(title, write["with"], write["without"], "without the event", RATIOS[write["models"]])
        title = f"changes with an event and a reason, {write['clients']} clients, {write['models']} models, {where}"
        yield Figure(title, write["with_reason"], write["with"], "without the reason", 0.85)
