"""Reading the texts in attributes of HDF5 files. Numbers are skipped."""

from __future__ import annotations

import math

from validation.scanning.formats.hdf5_blocks import Blocks, Body
from validation.scanning.report import Unsafe

_FIXED_TEXT, _OPAQUE, _VARIABLE, _ARRAY = 3, 5, 9, 10
_PADDED, _FLAGGED, _CODED = 1, 2, 3
_MAX_TEXTS = 100_000


def read_attribute(blocks: Blocks, body: Body) -> tuple[str, list[bytes]]:
    """Return the name of an attribute and the texts in its value. Raises Unsafe for a structure that is not read."""
    version, flags = body.number(1), body.number(1)
    if version not in {_PADDED, _FLAGGED, _CODED}:
        raise Unsafe("as an HDF5 file it is damaged")
    if version != _PADDED and flags:
        raise Unsafe("as an HDF5 file it shares descriptions, which is not read here")
    sizes = [body.number(2) for _ in range(3)]
    if version == _CODED:
        body.take(1)
    parts = []
    for size in sizes:
        parts.append(body.take(size))
        if version == _PADDED:
            body.take(-size % 8)
    name = parts[0].split(b"\x00")[0].decode("utf-8", "replace")
    return name, _texts(blocks, Body(parts[1]), _count(blocks, Body(parts[2])), body)


def _count(blocks: Blocks, space: Body) -> int:
    """Return the number of elements of a data space."""
    version, rank, flags = space.number(1), space.number(1), space.number(1)
    kind = space.number(1)
    if version == 1:
        space.take(4)
    elif version != 2:  # noqa: PLR2004 - the newer one
        raise Unsafe("as an HDF5 file it is damaged")
    if version == 2 and kind == 2:  # noqa: PLR2004 - an empty one
        return 0
    sides = [space.number(blocks.length) for _ in range(rank)]
    del flags
    return math.prod(sides)


def _texts(blocks: Blocks, kind: Body, count: int, data: Body) -> list[bytes]:
    if count > _MAX_TEXTS:
        raise Unsafe("as an HDF5 file it has too large an attribute")
    head = kind.number(1)
    kind.take(3)
    size = kind.number(4)
    data_class = head & 0x0F
    if data_class in {_FIXED_TEXT, _OPAQUE}:
        return [data.take(size) for _ in range(count)]
    if data_class != _VARIABLE:
        if data_class == _ARRAY:
            raise Unsafe("as an HDF5 file it has an attribute that is not read here")
        return []
    texts = []
    for _ in range(count):
        length, collection, index = data.number(4), data.number(blocks.offset), data.number(4)
        if length and index:
            texts.append(blocks.heap_object(collection, index))
    return texts
