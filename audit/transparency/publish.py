"""Writes the tiles and bundles that appended entries change."""

from __future__ import annotations

from collections.abc import Sequence

from audit.transparency.tiles import ENTRIES, TileFolder
from audit.transparency.tree import WIDTH, Frontier
from audit.verifier.audit_verify import leaf_hash


def publish(folder: TileFolder, frontier: Frontier, bundle: list[bytes], entries: Sequence[bytes]) -> list[bytes]:
    """Append entries to ``frontier``, write the changed files, and return the entries of the last, incomplete bundle.

    ``bundle`` are the entries of the incomplete bundle before. When a tile or bundle becomes complete, its incomplete
    versions are removed.
    """
    number, unpublished = frontier.size // WIDTH, [*bundle, *entries]
    full = frontier.append(map(leaf_hash, entries))
    completed: list[tuple[int | str, int]] = [(tile.level, tile.number) for tile in full]
    while len(unpublished) >= WIDTH:
        folder.write_bundle(number, unpublished[:WIDTH])
        completed.append((ENTRIES, number))
        number, unpublished = number + 1, unpublished[WIDTH:]
    if unpublished:
        folder.write_bundle(number, unpublished)
    folder.write([*full, *frontier.open_tiles()])
    for level, complete in completed:
        folder.remove_partial(level, complete)
    return unpublished
