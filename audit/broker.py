"""The client of the broker, for what Celery does not do: health, heartbeats and hints."""

from __future__ import annotations

import redis


def broker_client(url: str, timeout: float) -> redis.Redis:
    """Return a client for a URL as Celery writes it; a socket is `redis+socket://PATH?virtual_host=N`."""
    if url.startswith("redis+socket://"):
        path, _, database = url.removeprefix("redis+socket://").partition("?virtual_host=")
        return redis.Redis(unix_socket_path=path, db=int(database or 0), socket_timeout=timeout)
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
