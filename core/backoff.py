"""Pauses between attempts, which double up to a limit. Kept in the memory of this process."""

from __future__ import annotations

import time

_MOST_KEPT = 10_000


class Backoff:
    """The failures of each key, and until when to wait. ``first`` and ``longest`` are pauses in seconds."""

    def __init__(self, *, first: float, longest: float) -> None:
        self._first, self._longest = first, longest
        self._failures: dict[int, tuple[int, float]] = {}

    def failed(self, key: int) -> float:
        """Note a failure and return for how many seconds to wait."""
        count = self._failures.get(key, (0, 0.0))[0]
        pause: float = min(self._longest, self._first * 2 ** min(count, 30))
        if len(self._failures) >= _MOST_KEPT:  # so that memory is bounded: all keys start again with the first pause
            self._failures.clear()
        self._failures[key] = (count + 1, time.monotonic() + pause)
        return pause

    def is_due(self, key: int) -> bool:
        """Return whether the pause after the last failure is over, or there was none."""
        return time.monotonic() >= self._failures.get(key, (0, 0.0))[1]

    def forget(self, key: int) -> None:
        """Note a success."""
        self._failures.pop(key, None)
