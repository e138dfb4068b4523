"""Measures lineage: closures against the plain recursive statement in the same database, and pages against their
limits.

Runs in a process of its own over a database of its own, filled by a seeded generator: many projects whose runs read
data that earlier runs made (sparse), and fewer nodes with as many edges (dense). PostgreSQL only.
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

GRAPHS = ("sparse", "dense")
# The Python of an environment with ml-metadata, to compare with; without it that is left out.
ML_METADATA_PYTHON = os.environ.get("ML_METADATA_PYTHON", "")
SENDERS = 2
# The most by which a read may be slower than the plain statement that reads the ids.
MOST = {"ids": 1.3, "kinds": 2.0, "json": 6.0}
# Full JSON is compared for closures from this size on: below it the fixed costs of any answer count.
SMALLEST_JSON = 600
MOST_PAGE_MS = {"graph page": 50.0, "datasets page": 200.0, "lineage page": 200.0, "impact": 200.0}


def figures() -> Iterator[Figure]:
    """Yield the speed of closures against the plain statement, and of pages against their limits."""
    if engine() != "PostgreSQL":
        yield Figure("lineage needs PostgreSQL", 0, 1, "PostgreSQL", 1, "")
        return
    yield Figure(f"OpenLineage events in batches, {SENDERS} senders", _events(), 1000, "limit 1,000/s", 1)
    if ML_METADATA_PYTHON:
        yield from _against_ml_metadata()
    for graph in GRAPHS:
        result = _measured(graph)
        where = f"{result['nodes']:,} nodes, {result['edges']:,} edges"
        for row in result["closures"]:
            for kind, most in MOST.items():
                if kind == "json" and row["size"] < SMALLEST_JSON:
                    continue
                name = f"{row['direction']} {row['size']:,} nodes, {kind}, {where}"
                yield Figure(name, 1000 / row[kind], 1000 / row["bare"], "bare statement", 1 / most)
        for page, milliseconds in result["pages"].items():
            limit = MOST_PAGE_MS[page]
            yield Figure(f"{page}, {where}", 1000 / milliseconds, 1000 / limit, f"limit {limit:.0f} ms", 1)


def _events() -> float:
    """Return how many events a second are taken from senders that all send at once, each into a process of its own."""
    with tempfile.TemporaryDirectory() as directory, database("custody_bench_events", Path(directory)) as url:
        environment = os.environ | {"DATABASE_URL": url, "CUSTODY_DATA": directory, "SECRET_KEY": "bench" * 12}
        worker = [sys.executable, "-m", "bench.graph.events_worker"]
        subprocess.run([*worker, "prepare"], cwd=BASE_DIR, env=environment, check=True, stdout=subprocess.DEVNULL)
        senders = [
            subprocess.Popen([*worker, str(number)], cwd=BASE_DIR, env=environment, stdout=subprocess.PIPE, text=True)
            for number in range(SENDERS)
        ]
        answers = [orjson.loads(sender.communicate()[0].splitlines()[-1]) for sender in senders]
    return float(sum(answer["events"] / answer["seconds"] for answer in answers))


def _against_ml_metadata() -> Iterator[Figure]:
    """Yield the speed of whole closures against `get_lineage_subgraph` of ml-metadata, in a smaller graph."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "graph.json"
        result = _measured("small", path)
        worker = [ML_METADATA_PYTHON, str(BASE_DIR / "bench" / "graph" / "ml_metadata_worker.py"), str(path)]
        answer = subprocess.run(worker, check=True, stdout=subprocess.PIPE, text=True)
    for row, theirs in zip(result["closures"], orjson.loads(answer.stdout.splitlines()[-1]), strict=True):
        name = f"{row['direction']} {row['size']:,} nodes, json, {result['nodes']:,} nodes"
        if theirs["size"] != row["size"]:
            name += f" (ml-metadata returns {theirs['size']:,})"
        # The quickest of each: the two are measured one after the other, and other work disturbs them differently.
        yield Figure(name, 1000 / row["best"], 1000 / theirs["best"], "ml-metadata", 2)


def _measured(graph: str, path: Path | None = None) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory, database(f"custody_bench_{graph}", Path(directory)) as url:
        environment = os.environ | {"DATABASE_URL": url, "CUSTODY_DATA": directory, "SECRET_KEY": "bench" * 12}
        answer = subprocess.run(
            [sys.executable, "-m", "bench.graph.lineage_worker", graph, *([str(path)] if path else [])],
            cwd=BASE_DIR,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    result: dict[str, Any] = orjson.loads(answer.stdout.splitlines()[-1])
    return result
