"""Compares the events of the database with the signed tree, one tile at a time, again and again."""

from __future__ import annotations

from audit.models import Leaf, Log
from audit.transparency.entries import entry_bytes
from audit.transparency.state import published
from audit.transparency.tree import WIDTH
from audit.verifier.audit_verify import leaf_hash


class Comparison:
    """The position of the comparison, and the first number that differed."""

    def __init__(self) -> None:
        self._number = 0
        self.differs: int | None = None

    def next_tile(self, log: Log) -> None:
        """Compare the events of the next tile, or of the one that differed. Raises TilesUnreadable."""
        if self._number * WIDTH >= log.size:
            self._number = 0
        start = self._number * WIDTH
        width = min(WIDTH, log.size - start)
        if width <= 0:
            return
        signed = published(log.origin).hashes(0, self._number, width)
        self.differs = _first_difference(log.number, start, signed)
        if self.differs is None:
            self._number += 1


def _first_difference(log: int, start: int, signed: list[bytes]) -> int | None:
    rows = Leaf.objects.filter(log=log, seq__gte=start, seq__lt=start + len(signed)).order_by("seq")
    stored = {
        seq: leaf_hash(entry_bytes(bytes(body), gen=gen, seq=seq, stream=stream))
        for seq, gen, stream, body in rows.values_list("seq", "gen", "stream", "event__body")
    }
    return next((start + at for at, leaf in enumerate(signed) if stored.get(start + at) != leaf), None)
