"""The time from the commit of an event to a signed checkpoint that covers it, at a thousand events a second."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from uuid import UUID

from django.db import connection, transaction

from audit.actions import Action
from audit.models import Leaf
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.state import published
from bench.audit.processes import sequencer
from core.actors import Actor, ActorKind, system_actor

PER_SECOND = 1000
_SECONDS = 15.0
_WRITERS = 4
_IN_ONE = 5  # events of one transaction
_PATIENCE = 60.0


def checkpoint_delays() -> dict[str, float]:
    """Return the events written a second, and the 50th and the 99th percentile of their delays in seconds."""
    committed: list[tuple[UUID, float]] = []
    seen: list[tuple[int, float]] = []
    with sequencer():
        end = threading.Event()
        watcher = threading.Thread(target=_watch, args=(seen, end))
        watcher.start()
        _await_last(_first(), seen)  # the sequencer has started
        began = time.perf_counter()
        writers = [threading.Thread(target=_write, args=(number, committed)) for number in range(_WRITERS)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        rate = len(committed) / (time.perf_counter() - began)
        _await_last(committed[-1][0], seen)
        end.set()
        watcher.join()
    delays = sorted(_delays(committed, seen))
    return {"rate": rate, "p50": delays[len(delays) // 2], "p99": delays[len(delays) * 99 // 100]}


def _write(number: int, committed: list[tuple[UUID, float]]) -> None:
    """Write a quarter of the events at an even pace."""
    actor = Actor(kind=ActorKind.USER, name=f"bench{number}", user_id=1000 + number)
    pause, began, done = _IN_ONE * _WRITERS / PER_SECOND, time.perf_counter(), 0
    while (now := time.perf_counter()) < began + _SECONDS:
        if (wait := began + done * pause - now) > 0:
            time.sleep(wait)
        with transaction.atomic():
            events = [
                record(
                    actor=actor, action=Action.TRACKING_RUN_CREATED, obj=f"run:{done}-{part}", after={"name": "x" * 250}
                )
                for part in range(_IN_ONE)
            ]
        at = time.perf_counter()
        committed += [(event.event_id, at) for event in events]
        done += 1
    connection.close()


def _first() -> UUID:
    """Write an event before the measurement, and return its id."""
    with transaction.atomic():
        return record(actor=system_actor("bench"), action=Action.TRACKING_RUN_CREATED, obj="run:0").event_id


def _watch(seen: list[tuple[int, float]], end: threading.Event) -> None:
    """Note the size of each new checkpoint and when it was there."""
    path = published(log_signers()[0].name).folder / "checkpoint"
    while not end.wait(0.01):
        size = int(path.read_bytes().split(b"\n")[1])
        if not seen or size > seen[-1][0]:
            seen.append((size, time.perf_counter()))


def _await_last(event_id: UUID, seen: list[tuple[int, float]]) -> None:
    """Wait until a checkpoint covers an event. Raises RuntimeError where none does in time."""
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        leaf = Leaf.objects.filter(event__event_id=event_id).first()
        if leaf is not None and seen and seen[-1][0] > leaf.seq:
            return
        time.sleep(0.1)
    raise RuntimeError("the last event is in no checkpoint")


def _delays(committed: list[tuple[UUID, float]], seen: list[tuple[int, float]]) -> list[float]:
    ids = [event_id for event_id, _ in committed]
    numbers = dict(Leaf.objects.filter(event__event_id__in=ids).values_list("event__event_id", "seq"))
    sizes = [size for size, _ in seen]
    return [seen[bisect_right(sizes, numbers[event_id])][1] - at for event_id, at in committed if event_id in numbers]
