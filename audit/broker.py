"""The client of the broker, for what Celery does not do: health, heartbeats, hints, and turns of sweeps."""

from __future__ import annotations

import time
from contextlib import closing

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

_TURNS = "custody-sweep-turns"


def broker_client(url: str, timeout: float) -> redis.Redis:
    """Return a client for a URL as Celery writes it; a socket is `redis+socket://PATH?virtual_host=N`.

    It asks once: callers go on without a broker that does not answer.
    """
    once = Retry(NoBackoff(), 0)
    if url.startswith("redis+socket://"):
        path, _, database = url.removeprefix("redis+socket://").partition("?virtual_host=")
        return redis.Redis(unix_socket_path=path, db=int(database or 0), socket_timeout=timeout, retry=once)
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=once)


def next_turn(sweep: str, interval: int) -> int:
    """Return the number of this run of a sweep: one more than that of the last run, on whatever host that was.

    Where the broker does not answer the number is made of this host's clock and the ``interval`` in seconds.
    """
    try:
        with closing(broker_client(settings.REDIS_URL, 1.0)) as broker:
            return int(broker.hincrby(_TURNS, sweep, 1))
    except (redis.RedisError, OSError):
        return int(time.monotonic() // interval)
