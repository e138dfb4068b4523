"""`python -m bench.audit.worker EVENTS [PART…]`: fill a database with events, measure, print one line of JSON.

The parts are seed, whole, queries, delay and writes; all of them where none is named.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from audit.action_groups import DECISIONS, actions_of
from audit.downloads import export_download
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.models import Event, ExportJob
from audit.queries import events_matching
from audit.transparency.keys import log_signers, prepare_log_key
from audit.transparency.sequencer import Sequencer
from audit.verifier import audit_verify
from bench.audit.changes import writes
from bench.audit.delay import checkpoint_delays
from bench.audit.processes import MANAGE, measured
from bench.audit.seed import name_of, seed
from core.actors import Actor, ActorKind

_TIMES = 9
_PAGE = 60


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def queries() -> dict[str, float]:
    """Return the milliseconds of a page for each filter, and of the second page where it differs."""
    old = timezone.now() - timedelta(days=200)
    day: dict[str, Any] = {"since": old, "until": old + timedelta(days=1)}
    quarter: dict[str, Any] = {"since": old, "until": old + timedelta(days=90)}
    decisions: dict[str, Any] = {"actions": actions_of(DECISIONS)}
    person: dict[str, Any] = {"actor": name_of(7)}
    filters: dict[str, dict[str, Any]] = {
        "date range": day,
        "outcome": {"outcome": "denied"},
        "outcome and actor": {"outcome": "denied", **person},
        "actor": person,
        "actor and date range": {**person, **day},
        "decisions": decisions,
        "decisions of a quarter": {**decisions, **quarter},
        "decisions of an actor": {**decisions, **person},
    }
    return {
        f"{name}{', second page' * (page == 1)}": ms
        for name, chosen in filters.items()
        for page, ms in enumerate(_pages_ms(chosen))
    }


def _pages_ms(chosen: dict[str, Any]) -> list[float]:
    """Return the median milliseconds of the first page and, where there is one, of the second."""
    cursor = events_matching(size=_PAGE, **chosen).cursor
    pages = ["", cursor] if cursor else [""]
    return [
        statistics.median(timed(lambda at=at: events_matching(size=_PAGE, cursor=at, **chosen)) for _ in range(_TIMES))  # type: ignore[misc]  # a default
        * 1000
        for at in pages
    ]


def whole_log(count: int) -> dict[str, float]:
    """Return rates of exporting and verifying, the memory of both, and when the first byte of a download is there."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "log.zip"
        export = measured(*MANAGE, "audit_export", str(path))
        parquet = measured(*MANAGE, "audit_export", str(Path(directory) / "parquet.zip"), "--parquet")
        tenth = measured(*MANAGE, "audit_export", str(Path(directory) / "tenth.zip"), "--last-seq", str(count // 10))
        command = [sys.executable, audit_verify.__file__, str(path), "--vkey", log_signers()[0].vkey]
        verified = measured(*command)
        return {
            "first_byte_ms": first_byte_ms(),
            "exported": count / export.seconds,
            "export_bytes": export.peak,
            "export_bytes_of_a_tenth": tenth.peak,
            "exported_with_parquet": count / parquet.seconds,
            "parquet_bytes": parquet.peak,
            "verified": count / verified.seconds,
            "verify_bytes": verified.peak,
            "verified_full": count / measured(*command, "--full").seconds,
        }


def first_byte_ms() -> float:
    """Return the milliseconds from the request for the whole log to its first byte; a worker is free."""
    actor = Actor(kind=ActorKind.USER, name="bench", user_id=1, is_superuser=True)
    began = time.perf_counter()
    job = start_export(actor=actor, filters=Filters(), queued=False)
    worker = threading.Thread(target=build_export, args=(job.pk,))
    worker.start()
    pieces = iter(export_download(actor=actor, filters=Filters()))
    next(pieces)
    passed = (time.perf_counter() - began) * 1000
    ExportJob.objects.filter(pk=job.pk).update(attempt=99)  # ends the worker, which sees that it was superseded
    worker.join()
    return passed


def main(count: int, parts: list[str]) -> None:
    """Measure and print."""
    call_command("migrate", interactive=False, verbosity=0)
    prepare_log_key()
    answer: dict[str, Any] = {}
    if "seed" in parts:
        seed(count)
        answer["sequenced"] = count / timed(Sequencer().run_once)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE audit_leaf")
    work: dict[str, Callable[[], Any]] = {
        "whole": lambda: whole_log(Event.objects.count()),
        "queries": queries,
        "delay": checkpoint_delays,
        "writes": writes,
    }
    for name in parts:
        if name in work:
            answer[name] = work[name]()
            print(f"{name}: {answer[name]}", file=sys.stderr, flush=True)
    print(json.dumps(answer))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:] or ["seed", "whole", "queries", "delay", "writes"])
