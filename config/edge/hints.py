"""Receives hints of promotions from the broker in a thread. While the broker is away there are none."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import closing

import redis
from django.conf import settings

from audit.broker import broker_client
from registry.production.hints import CHANNEL

logger = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_LISTEN_SECONDS = 5.0


def receive_hints(on_hint: Callable[[str], None]) -> None:
    """Call ``on_hint`` with each hint, in a thread that ends with the process."""
    threading.Thread(target=_receive, args=(on_hint,), name="hints", daemon=True).start()


def _receive(on_hint: Callable[[str], None]) -> None:
    is_connected = True
    while True:
        try:
            with (
                closing(broker_client(settings.REDIS_URL, _LISTEN_SECONDS)) as broker,
                closing(broker.pubsub()) as hints,  # type: ignore[no-untyped-call]  # the package leaves its type out
            ):
                hints.subscribe(CHANNEL)
                is_connected = True
                while True:
                    message = hints.get_message(ignore_subscribe_messages=True, timeout=_LISTEN_SECONDS - 1)
                    if message is not None:
                        on_hint(message["data"].decode("ascii", "replace"))
        except (redis.RedisError, OSError) as error:
            if is_connected:
                logger.warning("no hints, the states are read once a second: %s", error)
            is_connected = False
            time.sleep(_AGAIN_SECONDS)
