"""Inclusion and consistency proofs (RFC 6962, section 2.1), made from published tiles, and their verification."""

from __future__ import annotations

import base64

from audit.transparency.tiles import TileFolder
from audit.transparency.tree import WIDTH
from audit.verifier.audit_verify import node_hash, root_of


class BadProof(ValueError):
    """A proof that does not prove what it should."""


class TreeReader:
    """Reads the hashes of subtrees of a published tree of ``size`` leaves. Methods raise TilesUnreadable."""

    def __init__(self, folder: TileFolder, size: int) -> None:
        self.folder, self.size = folder, size

    def inclusion(self, number: int) -> list[bytes]:
        """Return the proof that leaf ``number`` is in the tree, the sibling of the leaf first."""
        return self._path(number, 0, self.size)

    def consistency(self, old: int) -> list[bytes]:
        """Return the proof that the tree extends that of its first ``old`` leaves.

        Empty for 0 and for the whole tree.
        """
        return [] if old in (0, self.size) else self._extension(old, 0, self.size, whole=True)

    def root_at(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves."""
        return self._subtree(0, size) if size else root_of([])

    def _path(self, number: int, low: int, high: int) -> list[bytes]:
        if high - low == 1:
            return []
        middle = low + _split(high - low)
        if number < middle:
            return [*self._path(number, low, middle), self._subtree(middle, high)]
        return [*self._path(number, middle, high), self._subtree(low, middle)]

    def _extension(self, old: int, low: int, high: int, *, whole: bool) -> list[bytes]:
        if old == high - low:
            return [] if whole else [self._subtree(low, high)]
        half = _split(high - low)
        middle = low + half
        if old <= half:
            return [*self._extension(old, low, middle, whole=whole), self._subtree(middle, high)]
        return [*self._extension(old - half, middle, high, whole=False), self._subtree(low, middle)]

    def _subtree(self, low: int, high: int) -> bytes:
        """Return the root over the leaves from ``low`` to before ``high``."""
        count = high - low
        if count & (count - 1):
            middle = low + _split(count)
            return node_hash(self._subtree(low, middle), self._subtree(middle, high))
        height = count.bit_length() - 1
        level, width = height // 8, 1 << height % 8
        first = low >> (8 * level)
        tile = first // WIDTH
        complete = min(WIDTH, (self.size >> (8 * level)) - tile * WIDTH)
        at = first % WIDTH
        return root_of(self.folder.hashes(level, tile, complete)[at : at + width])


def check_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: list[bytes]) -> None:
    """Raise BadProof unless the tree of ``new`` leaves extends that of ``old`` leaves."""
    if old > new:
        raise BadProof("the older tree is the larger one")
    unused = list(proof)
    both = (old_root, new_root) if old == 0 else _both_roots(old, new, old_root, unused, whole=True)
    if unused or both != (old_root, new_root) or (old == new and old_root != new_root):
        raise BadProof("the newer tree does not extend the older one")


def _both_roots(old: int, new: int, old_root: bytes, unused: list[bytes], *, whole: bool) -> tuple[bytes, bytes]:
    """Return the roots of the older and the newer tree that a proof implies; what it uses is taken from ``unused``."""
    if old == new:
        value = old_root if whole else _next(unused)
        return value, value
    half = _split(new)
    if old <= half:
        first, second = _both_roots(old, half, old_root, unused, whole=whole)
        return first, node_hash(second, _next(unused))
    first, second = _both_roots(old - half, new - half, old_root, unused, whole=False)
    left = _next(unused)
    return node_hash(left, first), node_hash(left, second)


def _next(unused: list[bytes]) -> bytes:
    if not unused:
        raise BadProof("the proof is too short")
    return unused.pop(0)


def proof_text(number: int, proof: list[bytes], checkpoint: bytes) -> bytes:
    """Return a proof of inclusion as a file (c2sp.org/tlog-proof)."""
    lines = [
        "c2sp.org/tlog-proof@v1",
        f"index {number}",
        *(base64.b64encode(value).decode() for value in proof),
        "",
        "",
    ]
    return "\n".join(lines).encode() + checkpoint


def _split(count: int) -> int:
    """Return the largest power of two that is smaller than ``count``."""
    return 1 << (count - 1).bit_length() - 1
