"""Figures of governance: latency of checks, and speed of the gate and the inbox with many requests."""

from __future__ import annotations

from collections.abc import Iterator

from bench import check_latency, inbox, writers
from bench.figures import Figure


def figures(_only: str) -> Iterator[Figure]:
    """Yield every figure of the area."""
    yield from check_latency.figures()
    yield from inbox.figures()
    yield from writers.figures()
