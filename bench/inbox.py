"""Measures the inbox of a reviewer with ten thousand open requests, and the evaluation of a thousand requests.

Runs in a process of its own over a database of its own (DATABASE_URL says which engine), through the page's own view.
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

OPEN = 10_000
EVALUATED = 1_000
MOST_QUERIES = 12
MOST_INBOX_MS = 150.0
MOST_EVALUATION_S = 2.0


def figures() -> Iterator[Figure]:
    """Yield queries and milliseconds of the inbox, and the seconds an evaluation of a thousand requests takes."""
    with tempfile.TemporaryDirectory() as directory, database("custody_bench_inbox", Path(directory)) as url:
        environment = os.environ | {"DATABASE_URL": url, "CUSTODY_DATA": directory}
        answer = subprocess.run(
            [sys.executable, "-m", "bench.inbox_worker", str(OPEN), str(EVALUATED)],
            cwd=BASE_DIR,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    result = orjson.loads(answer.stdout.splitlines()[-1])
    where = f"{OPEN:,} open requests, {engine()}"
    yield Figure(f"inbox, {where}", 1000 / result["inbox_ms"], 1000 / MOST_INBOX_MS, "limit 150 ms", 1, " pages/s")
    yield Figure(f"inbox, queries allowed, {where}", MOST_QUERIES, result["queries"], "used", 1, "")
    yield Figure(
        f"evaluate {EVALUATED:,} open requests, {engine()}",
        EVALUATED / result["evaluation_s"],
        EVALUATED / MOST_EVALUATION_S,
        "limit 2 s",
        1,
        " requests/s",
    )
