"""The published files of the log (c2sp.org/tlog-tiles): hash tiles, entry bundles and the checkpoint, in a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from audit.transparency.tree import WIDTH, Frontier, Tile, width_at

HASH_BYTES = 32
ENTRIES = "entries"


class TilesUnreadable(Exception):
    """A published file is missing or is not what the signed size implies. The message names it."""


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Return the path of a tile or, for level ``entries``, of an entry bundle.

    The number is written in groups of three digits; each group but the last begins with x.
    """
    digits = f"{number % 1000:03d}"
    while number := number // 1000:
        digits = f"x{number % 1000:03d}/{digits}"
    return f"tile/{level}/{digits}" + (f".p/{width}" if width < WIDTH else "")


def write_durably(path: Path, data: bytes) -> None:
    """Write a file and sync it to disk. After a crash the whole file exists, or the earlier one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def bundle_of(entries: Iterable[bytes]) -> bytes:
    """Return entries as a bundle holds them: each after its length in two bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_of(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle. Raises TilesUnreadable where it is cut off."""
    entries, at = [], 0
    while at < len(bundle):
        end = at + 2 + int.from_bytes(bundle[at : at + 2], "big")
        if end > len(bundle):
            raise TilesUnreadable("an entry bundle is cut off")
        entries.append(bundle[at + 2 : end])
        at = end
    return entries


class TileFolder:
    """The folder of the published files of one log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, level: int | str, number: int, width: int) -> bytes:
        """Return the first ``width`` hashes of a tile, or a bundle of that many entries. Raises TilesUnreadable."""
        for path, whole in ((tile_path(level, number, width), width == WIDTH), (tile_path(level, number), True)):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                data = (self.folder / path).read_bytes()
                if level == ENTRIES:
                    return data if not whole or width == WIDTH else bundle_of(entries_of(data)[:width])
                if len(data) >= width * HASH_BYTES:
                    return data[: width * HASH_BYTES]
        raise TilesUnreadable(f"{tile_path(level, number, width)} is missing or too short in {self.folder}")

    def hashes(self, level: int, number: int, width: int) -> list[bytes]:
        """Return the hashes of a tile. Raises TilesUnreadable."""
        data = self.read(level, number, width)
        return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]

    def frontier(self, size: int) -> Frontier:
        """Return the frontier of the tree of ``size`` leaves. Raises TilesUnreadable."""
        rows, level = [], 0
        while size >> (8 * level):
            width = width_at(level, size)
            rows.append(self.hashes(level, size >> (8 * (level + 1)), width) if width else [])
            level += 1
        return Frontier(size, rows)

    def open_bundle(self, size: int) -> list[bytes]:
        """Return the entries of the incomplete bundle of a log of ``size`` entries. Raises TilesUnreadable."""
        width = size % WIDTH
        return entries_of(self.read(ENTRIES, size // WIDTH, width)) if width else []

    def leaves(self, size: int) -> Iterator[bytes]:
        """Yield the leaf hashes of the tree of ``size`` leaves, joined for each tile. Raises TilesUnreadable."""
        for number in range(-(-size // WIDTH)):
            yield self.read(0, number, min(WIDTH, size - number * WIDTH))

    def write(self, tiles: Iterable[Tile]) -> None:
        """Write hash tiles; a complete one replaces its incomplete versions."""
        for tile in tiles:
            self._write(tile.level, tile.number, len(tile.data) // HASH_BYTES, tile.data)

    def write_bundle(self, number: int, entries: list[bytes]) -> None:
        """Write an entry bundle of 1 to 256 entries."""
        self._write(ENTRIES, number, len(entries), bundle_of(entries))

    def _write(self, level: int | str, number: int, width: int, data: bytes) -> None:
        path = self.folder / tile_path(level, number, width)
        if path.exists() and path.read_bytes() == data:
            return
        write_durably(path, data)

    def remove_partial(self, level: int | str, number: int) -> None:
        """Remove the incomplete versions of a tile or bundle that is complete."""
        if (self.folder / tile_path(level, number)).exists():
            shutil.rmtree(self.folder / f"{tile_path(level, number)}.p", ignore_errors=True)
