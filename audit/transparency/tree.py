"""The frontier of the Merkle tree: the hashes that are needed to append leaves and to write the changed tiles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from audit.verifier.audit_verify import root_of

WIDTH = 256


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile of 1 to 256 hashes of 32 bytes: its level, its number within the level, and its bytes."""

    level: int
    number: int
    data: bytes


@dataclass(slots=True)
class Frontier:
    """The incomplete tile of each level of a tree of ``size`` leaves, level 0 first, each with at most 255 hashes."""

    size: int = 0
    rows: list[list[bytes]] = field(default_factory=list)

    def append(self, leaves: Iterable[bytes]) -> list[Tile]:
        """Append leaf hashes; return the tiles that became complete, in the order in which they did."""
        full: list[Tile] = []
        for leaf in leaves:
            self.size += 1
            self._push(0, leaf, full)
        return full

    def _push(self, level: int, value: bytes, full: list[Tile]) -> None:
        if level == len(self.rows):
            self.rows.append([])
        row = self.rows[level]
        row.append(value)
        if len(row) == WIDTH:
            full.append(Tile(level, (self.size >> (8 * (level + 1))) - 1, b"".join(row)))
            self.rows[level] = []
            self._push(level + 1, root_of(row), full)

    def open_tiles(self) -> list[Tile]:
        """Return the incomplete tiles that are not empty."""
        return [
            Tile(level, self.size >> (8 * (level + 1)), b"".join(row)) for level, row in enumerate(self.rows) if row
        ]

    def root(self) -> bytes:
        """Return the root of the tree."""
        carry: list[bytes] = []
        for row in self.rows:
            parts = row + carry
            carry = [root_of(parts)] if parts else []
        return root_of(carry)

    def copy(self) -> Frontier:
        """Return an independent copy."""
        return Frontier(self.size, [list(row) for row in self.rows])


def width_at(level: int, size: int) -> int:
    """Return the number of hashes in the incomplete tile of a level in a tree of ``size`` leaves."""
    return (size >> (8 * level)) % WIDTH
