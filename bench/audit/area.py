"""The figures of the audit log: how fast it is written, numbered, searched, exported and verified with many events in
it.

Runs in processes of its own over a database of its own. AUDIT_BENCH_EVENTS sets the number of events (default
1,000,000). It needs PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.databases import database, engine
from bench.figures import Figure
from config.env import BASE_DIR

EVENTS = int(os.environ.get("AUDIT_BENCH_EVENTS", "1000000"))
VERIFY_PER_SECOND = 1_000_000 / 15
EXPORT_PER_SECOND = 1_000_000 / 120
MOST_MEGABYTES = 256
MOST_QUERY_MS = 50.0
MOST_FIRST_BYTE_MS = 1000.0
MOST_DELAY_MS = 2000.0
EVENTS_PER_SECOND = 1000
RATIOS = {300: 0.6, 1: 0.4}
TEXT_RATIO = 0.85
_CONNECTIONS = "40"  # one for each of the 32 clients; a web process has fewer, and its requests wait for one


def figures() -> Iterator[Figure]:
    """Yield every figure of the area."""
    if engine() != "PostgreSQL":
        print("audit: PostgreSQL is needed, and no server answers")
        return
    with tempfile.TemporaryDirectory() as directory, database("custody_bench_audit", Path(directory)) as url:
        environment = os.environ | {"DATABASE_URL": url, "CUSTODY_DATA": directory, "CUSTODY_DB_POOL": _CONNECTIONS}
        command = [sys.executable, "-m", "bench.audit.worker", str(EVENTS)]
        answer = subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    measured = orjson.loads(answer.stdout.splitlines()[-1])
    where = f"{EVENTS:,} events, {engine()}"
    yield from _searches(measured["queries"], where)
    yield Figure(f"number and sign, {where}", measured["sequenced"], EVENTS_PER_SECOND, "limit", 1, " events/s")
    yield from _exports(measured["whole"], where)
    yield from _delays(measured["delay"], where)
    for write in measured["writes"]:
        yield from _changes(write, where)


def at_most(name: str, limit: float, ours: float, unit: str) -> Figure:
    """Return a figure of a value that may not exceed a limit."""
    return Figure(name, limit, ours, "limit; measured", 1, unit)


def _searches(milliseconds: dict[str, float], where: str) -> Iterator[Figure]:
    for name, value in milliseconds.items():
        yield at_most(f"find by {name}, {where}", MOST_QUERY_MS, value, " ms")


def _exports(whole: dict[str, float], where: str) -> Iterator[Figure]:
    limit = "limit 120 s a million"
    yield Figure(f"export, {where}", whole["exported"], EXPORT_PER_SECOND, limit, 1, " events/s")
    yield Figure(
        f"export with Parquet, {where}", whole["exported_with_parquet"], EXPORT_PER_SECOND, limit, 1, " events/s"
    )
    yield at_most(f"first byte of the export, {where}", MOST_FIRST_BYTE_MS, whole["first_byte_ms"], " ms")
    yield Figure(
        f"memory of an export of a tenth beside that of all, {where}",
        whole["export_bytes_of_a_tenth"] / 2**20,
        whole["export_bytes"] / 2**20,
        "all",
        0.8,
        " MB",
    )
    yield at_most(f"memory of the export with Parquet, {where}", MOST_MEGABYTES, whole["parquet_bytes"] / 2**20, " MB")
    limit = "limit 15 s a million"
    yield Figure(f"verify, {where}", whole["verified"], VERIFY_PER_SECOND, limit, 1, " events/s")
    yield at_most(f"verify, memory, {where}", MOST_MEGABYTES, whole["verify_bytes"] / 2**20, " MB")


def _delays(delay: dict[str, float], where: str) -> Iterator[Figure]:
    yield Figure(f"events while delays are measured, {where}", delay["rate"], EVENTS_PER_SECOND, "wanted", 0.95)
    yield at_most(f"event to signed checkpoint, p99, {where}", MOST_DELAY_MS, delay["p99"] * 1000, " ms")


def _changes(write: dict[str, float], where: str) -> Iterator[Figure]:
    clients, models = int(write["clients"]), int(write["models"])
    which = f"{clients} clients, {models} models, {where}"
    plain, least = write["with"], RATIOS[models]
    yield Figure(f"changes with an event, {which}", plain, plain / write["ratio"], "without the event", least)
    other = write["with_reason"] / write["text_ratio"]
    yield Figure(f"changes with_reason, {which}", write["with_reason"], other, "without the reason", TEXT_RATIO)
