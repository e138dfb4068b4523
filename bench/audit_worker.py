"""`python -m bench.audit_worker EVENTS`: fill a database with events, measure in this process,
print one line of JSON.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import django

django.setup()

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from audit.actions import Action
from audit.exports.files import file_of
from audit.exports.jobs import build_export, start_export
from audit.exports.selection import Filters
from audit.queries import events_matching
from audit.services import record
from audit.transparency.keys import log_signers, prepare_log_key
from audit.transparency.sequencer import Sequencer
from audit.verifier import audit_verify
from config.env import BASE_DIR
from core.actors import Actor, ActorKind, system_actor
from core.canonical import canonical_bytes
from core.ids import time_ordered_uuid

_COLUMNS = "event_id, body, at, action, outcome, actor_ref, actor_name, object_ref, stream, request_id"
_ACTIONS = [Action.TRACKING_RUN_CREATED, Action.REGISTRY_MODEL_UPDATED, Action.REGISTRY_STAGE_CHANGED]
_SECONDS = 6.0
_TIMES = 9
_DAYS = 365


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Yield the columns of events of a year: three actions, 40 people, 300 models, one in fifty refused."""
    began = timezone.now() - timedelta(days=_DAYS)
    for number in range(count):
        at = began + timedelta(days=_DAYS) * (number / count)
        action, name = _ACTIONS[number % 3].value, f"person{number % 40}"
        outcome, obj = "denied" if number % 50 == 0 else "ok", f"model:m{number % 300}"
        event_id = time_ordered_uuid()
        facts = {
            "schema": 2, "event_id": event_id, "at": at, "action": action, "outcome": outcome, "request_id": f"r{number}",
            "actor": {"ref": f"user:{number % 40}", "kind": "user", "name": name, "auth": "token"},
            "object": obj, "stream": f"model:{number % 300}", "before": {}, "after": {"note": "x" * 250}, "reason": "",
            "app_version": "0.1.0",
        }  # fmt: skip
        body = canonical_bytes(facts)
        yield (
            event_id,
            body,
            at,
            action,
            outcome,
            f"user:{number % 40}",
            name,
            obj,
            f"model:{number % 300}",
            f"r{number}",
        )


def seed(count: int) -> None:
    """Fill the table of events."""
    with connection.cursor() as cursor, cursor.copy(f"COPY audit_event ({_COLUMNS}) FROM STDIN") as copy:
        for row in rows(count):
            copy.write_row(row)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_event")


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def middle_ms(work: Callable[[], object]) -> float:
    """Return the median milliseconds of repeated work."""
    return statistics.median(timed(work) for _ in range(_TIMES)) * 1000


def queries() -> dict[str, float]:
    """Return the milliseconds of a page for each filter."""
    old = timezone.now() - timedelta(days=200)
    day: dict[str, datetime] = {"since": old, "until": old + timedelta(days=1)}
    return {
        "date range": middle_ms(lambda: events_matching(since=day["since"], until=day["until"], size=60)),
        "outcome": middle_ms(lambda: events_matching(outcome="denied", size=60)),
        "actor": middle_ms(lambda: events_matching(actor="person7", size=60)),
        "actor and date range": middle_ms(lambda: events_matching(actor="person7", size=60, **day)),  # type: ignore[arg-type]  # two dates
    }


def whole_log(count: int) -> dict[str, float]:
    """Return events per second of numbering, exporting and verifying, and the bytes that the verifier took."""
    sequenced = timed(Sequencer().run_once)
    actor = Actor(kind=ActorKind.USER, name="bench", user_id=1, is_superuser=True)
    job = start_export(actor=actor, filters=Filters(), queued=False)
    exported = timed(lambda: build_export(job.pk))
    job.refresh_from_db()
    command = [sys.executable, audit_verify.__file__, str(file_of(job)), "--vkey", log_signers()[0].vkey]
    verified = timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {
        "sequenced": count / sequenced,
        "exported": count / exported,
        "verified": count / verified,
        "verify_bytes": peak,
    }


def changes_per_second(clients: int, models: int, *, with_event: bool, reason: str = "") -> float:
    """Return how many changes of a model's row are committed a second, each under the row's lock.

    ``reason`` is that of the event: a text of a person, which is a row of its own.
    """
    done, stop = [0] * clients, time.perf_counter() + _SECONDS

    def client(number: int) -> None:
        actor = system_actor("bench")
        at = number
        while time.perf_counter() < stop:
            at += clients
            key = at % models
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT n FROM bench_model WHERE id = %s FOR UPDATE", [key])
                cursor.execute("UPDATE bench_model SET n = n + 1 WHERE id = %s", [key])
                if with_event:
                    record(
                        actor=actor,
                        action=Action.TRACKING_RUN_CREATED,
                        obj=f"model:b{key}",
                        stream=f"model:{key}",
                        after={"name": "x" * 250},
                        reason=reason,
                    )
            done[number] += 1
        connection.close()

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / _SECONDS


def writes() -> list[dict[str, float]]:
    """Return the rates of changes with and without an event, while a sequencer runs."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_model (id int PRIMARY KEY, n bigint NOT NULL)")
        cursor.execute("INSERT INTO bench_model SELECT n, 0 FROM generate_series(0, 300) n")
    command = [sys.executable, str(BASE_DIR / "manage.py"), "audit_sequencer"]
    sequencer = subprocess.Popen(command, env=os.environ)
    try:
        return [
            {
                "clients": clients,
                "models": models,
                "without": changes_per_second(clients, models, with_event=False),
                "with": changes_per_second(clients, models, with_event=True),
                "with_reason": changes_per_second(clients, models, with_event=True, reason="because " * 8),
            }
            for clients in (8, 32)
            for models in (300, 1)
        ]
    finally:
        sequencer.terminate()
        sequencer.wait()


def main(count: int) -> None:
    """Measure and print."""
    call_command("migrate", interactive=False, verbosity=0)
    prepare_log_key()
    seed(count)
    measured = {"whole": whole_log(count), "queries_ms": queries(), "writes": writes()}
    print(json.dumps(measured))


if __name__ == "__main__":
    main(int(sys.argv[1]))
