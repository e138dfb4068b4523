"""Sweeps: scheduled jobs that do the same for each of many rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

logger = logging.getLogger(__name__)
Item = TypeVar("Item")


def for_each(items: Iterable[Item], act: Callable[[Item], int], *, failure: str) -> int:
    """Do something for each item, and return the sum of what it returned: how many rows it changed.

    An exception is logged with ``failure``, such as "a request was not expired", and does not delay the other items.
    The next sweep tries again.
    """
    done = 0
    for item in items:
        try:
            done += act(item)
        except Exception:  # so that a failure does not delay the others
            logger.exception("%s (%s); the next sweep tries again", failure, item)
    return done
