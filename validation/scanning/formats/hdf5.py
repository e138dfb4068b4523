"""Scan of HDF5 files, as Keras writes them, without the HDF5 library: groups, data sets and attributes.

A file must not use data outside of itself (external data, external links, virtual data sets), and may only use filters
that are part of the library. The texts of its attributes are scanned, because Keras stores the description of a model
there and PyTables stores pickles. Unsupported structures are refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from validation.scanning.formats.hdf5_attributes import read_attribute
from validation.scanning.formats.hdf5_blocks import Blocks, Body
from validation.scanning.report import Budget, FileReport, Unsafe

_LINK_INFO, _LINK, _EXTERNAL, _LAYOUT = 0x2, 0x6, 0x7, 0x8
_FILTERS, _ATTRIBUTE, _SHARED_TABLE, _CONTINUED, _SYMBOLS, _DRIVER, _ATTRIBUTE_INFO = (
    0xB,
    0xC,
    0xF,
    0x10,
    0x11,
    0x14,
    0x15,
)
_SHARED_MESSAGE = 0x2
_HARD_LINK = 0
_KNOWN_FILTERS = frozenset({1, 2, 3, 4, 5, 6, 32000})
_LAYOUT_VERSIONS, _PLAIN_LAYOUTS, _OLD_LAYOUT = {1, 2, 3, 4}, {0, 1, 2}, 3
_MAX_OBJECTS = 200_000
_UNSUPPORTED = "as an HDF5 file it has a structure that is not supported; save it with the library's defaults"

ScanAttribute = Callable[[str, bytes], None]
"""Scans the text of an attribute; the first argument is the name of the attribute."""


def scan_hdf5(report: FileReport, stream: BinaryIO, budget: Budget, scan_attribute: ScanAttribute) -> None:
    """Scan an HDF5 file. Raises Unsafe for unsafe data and for a structure that this module does not read."""
    _Walk(Blocks(stream, budget), scan_attribute).run()
    report.format = "HDF5"


class _Walk:
    """Visits every object of a file once, from the root group on."""

    def __init__(self, blocks: Blocks, scan_attribute: ScanAttribute) -> None:
        self._blocks, self._scan_attribute = blocks, scan_attribute
        self._visited: set[int] = set()
        self._pending: list[int] = []

    def run(self) -> None:
        """Visit all objects."""
        self._pending = [self._blocks.root()]
        while self._pending:
            address = self._pending.pop()
            if address in self._visited:
                continue
            if len(self._visited) >= _MAX_OBJECTS:
                raise Unsafe("as an HDF5 file it holds too many objects to be looked at")
            self._visited.add(address)
            for kind, flags, body in self._blocks.messages(address):
                self._message(kind, flags, body)

    def _message(self, kind: int, flags: int, body: Body) -> None:
        if kind in _ELSEWHERE:
            raise Unsafe("as an HDF5 file it keeps data in other files")
        if flags & _SHARED_MESSAGE and kind in {_ATTRIBUTE, _LAYOUT, _FILTERS, _LINK}:
            raise Unsafe("as an HDF5 file it shares descriptions, which is not read here")
        if kind == _SYMBOLS:
            self._pending += self._blocks.symbols(body.number(self._blocks.offset), body.number(self._blocks.offset))
        elif kind == _LINK:
            self._pending.append(self._link(body))
        elif kind in {_LINK_INFO, _ATTRIBUTE_INFO}:
            self._require_compact(kind, body)
        elif kind == _ATTRIBUTE:
            self._attribute(body)
        elif kind in _REQUIRED:
            _REQUIRED[kind](body)

    def _attribute(self, body: Body) -> None:
        name, texts = read_attribute(self._blocks, body)
        for text in texts:
            self._scan_attribute(name, text)

    def _link(self, body: Body) -> int:
        body.number(1)
        flags = body.number(1)
        if flags & 0x8 and body.number(1) != _HARD_LINK:
            raise Unsafe("as an HDF5 file it links to another place")
        if flags & 0x4:
            body.take(8)
        if flags & 0x10:
            body.take(1)
        body.take(body.number(1 << (flags & 3)))
        return body.number(self._blocks.offset)

    def _require_compact(self, kind: int, body: Body) -> None:
        """Raise Unsafe for groups and attributes that are stored in separate heaps."""
        body.number(1)
        flags = body.number(1)
        if flags & 0x1:
            body.take(8 if kind == _LINK_INFO else 2)
        if body.number(self._blocks.offset) != self._blocks.undefined:
            raise Unsafe(_UNSUPPORTED)


def _require_plain_layout(body: Body) -> None:
    version = body.number(1)
    kind = body.number(1)
    if version < _OLD_LAYOUT:
        kind = body.number(1)  # after the number of dimensions
    if version not in _LAYOUT_VERSIONS:
        raise Unsafe(_UNSUPPORTED)
    if kind not in _PLAIN_LAYOUTS:
        raise Unsafe("as an HDF5 file it takes data from other files")


def _require_known_filters(body: Body) -> None:
    version, count = body.number(1), body.number(1)
    if version == 1:
        body.take(6)
    for _ in range(count):
        number = body.number(2)
        has_name = version == 1 or number >= 256  # noqa: PLR2004 - those below are the library's own
        length = body.number(2) if has_name else 0
        body.take(2)
        values = body.number(2)
        body.take(-(-length // 8) * 8 if version == 1 else length)
        body.take(4 * values + (4 if version == 1 and values % 2 else 0))
        if number not in _KNOWN_FILTERS:
            raise Unsafe(f"as an HDF5 file it needs the filter {number}, a library of code")


_ELSEWHERE = frozenset({_EXTERNAL, _SHARED_TABLE, _DRIVER})
_REQUIRED = {_LAYOUT: _require_plain_layout, _FILTERS: _require_known_filters}
