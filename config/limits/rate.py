"""Counts requests in the broker, which all web processes share, in one atomic step for each request."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings

from audit.broker import broker_client

logger = logging.getLogger(__name__)

_PREFIX = "custody-rate:"
_TIMEOUT_SECONDS = 0.2
# After an error of the broker a process limits nobody for so long, so that requests do not wait for it.
_PAUSE_SECONDS = 5.0
_MINUTE = 60_000_000  # microseconds
# The generic cell rate algorithm: each key holds the time until which its earlier requests count. A request is allowed
# where that time lies less than a minute ahead. Returns the number of the key that refuses (0: none) and the
# microseconds until it would allow a request. Nothing is counted for a refused request.
_SCRIPT = f"""
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local ends = {{}}
for i, key in ipairs(KEYS) do
  local interval = {_MINUTE} / tonumber(ARGV[i])
  ends[i] = math.max(tonumber(redis.call('GET', key) or now), now) + interval
  local wait = ends[i] - {_MINUTE} - now
  if wait > 0 then return {{i, math.ceil(wait)}} end
end
for i, key in ipairs(KEYS) do
  redis.call('SET', key, string.format('%.0f', ends[i]), 'PX', math.ceil((ends[i] - now) / 1000) + 1)
end
return {{0, 0}}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that a request counts towards: its kind (`token`, `account`), whose it is, and requests a minute."""

    kind: str
    key: str
    per_minute: float


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that a request exceeds, and the seconds until one more request is allowed."""

    limit: Limit
    seconds: float


class _Broker:
    """The client of this process, and the time until which the broker counts as away."""

    url = ""
    script: Any = None
    away_until = 0.0


def excess_of(limits: Sequence[Limit]) -> Excess | None:
    """Count a request towards its limits and return the one that it exceeds, None for none.

    Where the broker does not answer, nobody is limited.
    """
    if not limits or time.monotonic() < _Broker.away_until:
        return None
    try:
        number, wait = _script()(
            keys=[f"{_PREFIX}{limit.kind}:{limit.key}" for limit in limits], args=[limit.per_minute for limit in limits]
        )
    except (redis.RedisError, OSError) as error:
        _Broker.away_until = time.monotonic() + _PAUSE_SECONDS
        logger.warning("requests are not limited while the broker is away: %s", error)
        return None
    return Excess(limits[number - 1], wait / 1e6) if number else None


def is_broker_away() -> bool:
    """Return whether the broker did not answer this process a moment ago, so that nobody is limited."""
    return time.monotonic() < _Broker.away_until


def _script() -> Any:
    if _Broker.script is None or _Broker.url != settings.REDIS_URL:
        client = broker_client(settings.REDIS_URL, _TIMEOUT_SECONDS)
        _Broker.script, _Broker.url = client.register_script(_SCRIPT), settings.REDIS_URL
    return _Broker.script
