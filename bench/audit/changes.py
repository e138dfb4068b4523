"""Rates of changes under the lock of a model's row: without an event, with one, and with one that has a text."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from typing import Any

from django.db import connection, transaction

from audit.actions import Action
from audit.services import record
from bench.audit.processes import sequencer
from core.actors import Actor, ActorKind

_SECONDS = 2.0
_PREPARED = 6
_ROUNDS = 3
_STARTS = 15.0  # seconds in which the sequencer starts, which takes processor time
_REASON = "because of the results, which were compared with those of the version before"
# Without an event, with one, and with one that has a text of a person.
WITHOUT, WITH, WITH_REASON = "without", "with", "with_reason"
KINDS = (WITHOUT, WITH, WITH_REASON)


def changes_per_second(clients: int, models: int, kind: str) -> float:
    """Return how many changes of a model's row are committed a second, each under the row's lock.

    Each client is a process, as the database's clients are: threads of one process would wait for each other.
    """
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's; processes must not share connections
    context = multiprocessing.get_context("fork")
    together = context.Barrier(clients)
    with context.Pool(clients, _begins.append, (together,)) as pool:
        done = pool.starmap(_client, [(number, clients, models, kind) for number in range(clients)], 1)
    return sum(done) / _SECONDS


_begins: list[Any] = []  # the barrier of the clients, in their processes


def _client(number: int, clients: int, models: int, kind: str) -> int:
    """Make changes when all clients are ready, and return how many."""
    actor = Actor(kind=ActorKind.USER, name=f"bench{number}", user_id=1000 + number)
    for _ in range(_PREPARED):  # statements are prepared, and the client's name is known
        _change(actor, number % models, kind)
    _begins[-1].wait()
    at, done, ends = number, 0, time.perf_counter() + _SECONDS
    while time.perf_counter() < ends:
        at += clients
        _change(actor, at % models, kind)
        done += 1
    return done


def _change(actor: Actor, key: int, kind: str) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT n FROM bench_model WHERE id = %s FOR UPDATE", [key])
            cursor.execute("UPDATE bench_model SET n = n + 1 WHERE id = %s", [key])
        if kind != WITHOUT:
            record(
                actor=actor,
                action=Action.TRACKING_RUN_CREATED,
                obj=f"model:b{key}",
                stream=f"model:{key}",
                after={"name": "x" * 250},
                reason=_REASON if kind == WITH_REASON else "",
            )


def writes() -> list[dict[str, float]]:
    """Return the median rates of changes of each kind, which take turns, while a sequencer runs."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_model (id int PRIMARY KEY, n bigint NOT NULL)")
        cursor.execute("INSERT INTO bench_model SELECT n, 0 FROM generate_series(0, 300) n ON CONFLICT DO NOTHING")
    with sequencer():
        time.sleep(_STARTS)
        return [_rates(clients, models) for clients in (8, 32) for models in (300, 1)]


def _rates(clients: int, models: int) -> dict[str, float]:
    rounds = [{kind: changes_per_second(clients, models, kind) for kind in KINDS} for _ in range(_ROUNDS)]
    rates = {kind: statistics.median(one[kind] for one in rounds) for kind in KINDS}
    # A ratio is that of one round: the machine is not equally busy in all of them.
    ratio = statistics.median(one[WITH] / one[WITHOUT] for one in rounds)
    text_ratio = statistics.median(one[WITH_REASON] / one[WITH] for one in rounds)
    return {"clients": clients, "models": models, **rates, "ratio": ratio, "text_ratio": text_ratio}
