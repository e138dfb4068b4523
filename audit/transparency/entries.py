"""Entries of the log: an event's exact bytes with its position, joined so that the result is canonical again."""

from __future__ import annotations

import orjson


def entry_bytes(body: bytes, *, gen: int | None, seq: int, stream: str) -> bytes:
    """Return the bytes that are hashed as a leaf: the event as it was written, and the numbers that the log gave it."""
    number = b"null" if gen is None else b"%d" % gen
    return b'{"event":%b,"gen":%b,"seq":%d,"stream":%b}' % (body, number, seq, orjson.dumps(stream))
