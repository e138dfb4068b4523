"""Status of the programs: broker, queues, workers, scheduler, edge, and the web processes of this host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import redis
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError
from kombu.transport.redis import Channel

from audit.broker import broker_client
from config.edge.health import EdgeHealth, edge_health
from config.heartbeats import HUNG_SECONDS, heartbeat_ages
from config.schedule import scheduler_age
from config.status.areas import Area, Problem, critical, warning

_QUEUES = ("fast", "slow")
_BROKER_SECONDS = 1.0
# How long a worker has to answer, after the one that answered before.
_WORKER_SECONDS = 0.7
_SCHEDULER_SECONDS = 30.0
# Messages in a queue: so many wait where workers are too few, or where one hangs.
_LONG_QUEUE = 1000


def programs_area() -> Area:
    """Return the status of the programs. A broker that does not answer is a problem, no error."""
    edge = edge_health()
    ages = heartbeat_ages(settings.RUNTIME_DIR, time.monotonic())
    facts: dict[str, Any] = {
        "broker": "ok",
        "edge": {"state": edge.state, "polls": edge.polls, "streams": edge.streams},
        "web_processes": [{"process": pid, "heartbeat_age_seconds": round(age, 1)} for pid, age in ages],
    }
    problems = list(_program_problems(edge, ages))
    try:
        facts |= _broker_facts()
        problems += _broker_problems(facts)
    except (OperationalError, redis.RedisError, OSError) as error:
        facts |= {"broker": "down", "broker_error": str(error)[:300]}
        problems.append(
            critical(
                "The broker does not answer. Checks, approved moves and messages wait; reads go on.",
                "Start Redis or Valkey, and look at REDIS_URL and at its disk and memory.",
            )
        )
    return Area("programs", facts, tuple(problems))


def _broker_facts() -> dict[str, Any]:
    with closing(broker_client(settings.REDIS_URL, _BROKER_SECONDS)) as broker:
        memory: Any = broker.info("memory")
        waiting: dict[str, Any] = {queue: broker.llen(queue) for queue in _QUEUES}
    age = scheduler_age()
    workers = [
        {"worker": name, "queues": sorted(str(queue["name"]) for queue in queues)}
        for name, queues in answering_workers().items()
    ]
    return {
        "broker_memory_bytes": int(memory["used_memory"]),
        "messages_waiting": waiting,
        "workers": sorted(workers, key=lambda worker: str(worker["worker"])),
        "scheduler_age_seconds": None if age is None else round(age, 1),
    }


def answering_workers() -> dict[str, list[dict[str, Any]]]:
    """Return the queues of each worker that answers, by its name.

    Ends once every worker that listens at the broker has answered. A worker that was killed is listed there until it
    starts again; then the time ends the wait. Raises OperationalError, RedisError: the broker is away.
    """
    control: Any = current_app.control
    mailbox = control.mailbox.exchange.name
    with closing(broker_client(settings.REDIS_URL, _BROKER_SECONDS)) as broker:
        listening: Any = broker.scard(Channel.keyprefix_queue % mailbox)
    if not listening:
        return {}
    answers: Any = control.inspect(timeout=_WORKER_SECONDS, limit=listening).active_queues()
    return answers or {}


def _broker_problems(facts: dict[str, Any]) -> Iterator[Problem]:
    served = {queue for worker in facts["workers"] for queue in worker["queues"]}
    for queue in _QUEUES:
        if queue not in served:
            yield critical(
                f"No worker answers for the queue {queue}.",
                f"Start one: celery -A config worker --queues {queue}. A worker that hangs must be restarted.",
            )
        if facts["messages_waiting"][queue] > _LONG_QUEUE:
            yield warning(
                f"{facts['messages_waiting'][queue]} messages wait in the queue {queue}.",
                "Start more workers for it.",
            )
    age = facts["scheduler_age_seconds"]
    if age is None or age > _SCHEDULER_SECONDS:
        yield critical(
            "The scheduler does not answer. Nothing expires, and nothing that was lost is found.",
            "Start it: celery -A config beat --pidfile=.",
        )


def _program_problems(edge: EdgeHealth, ages: list[tuple[int, float]]) -> Iterator[Problem]:
    if edge.state == "down":
        yield warning(
            "The program edge does not answer. Waiting clients are answered by the web server.",
            "Start it: manage.py edge. Where none shall run, set CUSTODY_EDGE_PORT=0.",
        )
    for pid, age in ages:
        if age > HUNG_SECONDS:
            yield warning(
                f"The web process {pid} of this host has not answered for {age:.0f} s.", "End it; another is started."
            )
