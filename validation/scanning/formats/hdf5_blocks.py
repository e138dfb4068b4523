"""The blocks of an HDF5 file: the superblock, object headers, and the trees and heaps of groups."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from validation.scanning.report import Budget, Unsafe

_MAX_BLOCK = 64 * 1024**2
_MAX_DEPTH = 64
_OLD_ROOT, _NEW_ROOT = {0, 1}, {2, 3}
_CONTINUED = 0x10
_HARD = (0, 1)


class Body:
    """The bytes of one block, read from start to end. Reading beyond the end raises Unsafe."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """Return the next bytes. Raises Unsafe if there are not so many."""
        end = self._at + size
        if end > len(self._data):
            raise Unsafe("as an HDF5 file it is damaged")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        """Return the next bytes as a little-endian number. Raises Unsafe if there are not so many."""
        return int.from_bytes(self.take(size), "little")

    def unread(self) -> int:
        """Return the number of bytes that have not been read."""
        return len(self._data) - self._at


class Blocks:
    """The blocks of a file. ``offset`` and ``length`` are the sizes in bytes of an address and of a length."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget
        self._size = stream.seek(0, 2)
        self.offset = self.length = 8

    @property
    def undefined(self) -> int:
        """Return the address that stands for no address."""
        return (1 << (8 * self.offset)) - 1

    def at(self, address: int, size: int) -> Body:
        """Return the block at an address. Raises Unsafe if it is not in the file, or too large."""
        self._budget.spend_steps(1)
        if address + size > self._size or size > _MAX_BLOCK:
            raise Unsafe("as an HDF5 file it is damaged")
        self._stream.seek(address)
        return Body(self._stream.read(size))

    def root(self) -> int:
        """Return the address of the root group, and read the sizes of addresses and lengths. Raises Unsafe."""
        start = self.at(0, 12)
        start.take(8)
        version = start.number(1)
        if version in _OLD_ROOT:
            sizes = self.at(13, 2)
            self.offset, self.length = sizes.number(1), sizes.number(1)
            block = self.at(24 + 4 * version, 6 * self.offset)
            base, _, _, driver = (block.number(self.offset) for _ in range(4))
            block.take(self.offset)
            root = block.number(self.offset)
        elif version in _NEW_ROOT:
            self.offset, self.length = start.number(1), start.number(1)
            block = self.at(12, 4 * self.offset)
            base, driver, _, root = (block.number(self.offset) for _ in range(4))
        else:
            raise Unsafe("as an HDF5 file it is of a version that is not read here")
        if base != 0 or self.offset not in {4, 8} or self.length not in {4, 8}:
            raise Unsafe("as an HDF5 file it does not start at its first byte, or has addresses of an unusual size")
        if version in _OLD_ROOT and driver != self.undefined:
            raise Unsafe("as an HDF5 file it keeps data in other files")
        return root

    def messages(self, address: int) -> Iterator[tuple[int, int, Body]]:
        """Yield kind, flags and content of each message of an object's header."""
        head = self.at(address, 6)
        mark = head.take(4)
        if mark == b"OHDR":
            yield from self._new_messages(address)
            return
        if mark[0] != 1:
            raise Unsafe("as an HDF5 file it is damaged")
        size = self.at(address + 8, 4).number(4)
        pending, visited = [(address + 16, size)], set()
        while pending:
            block_range = pending.pop(0)
            if block_range in visited:
                raise Unsafe("as an HDF5 file it is damaged")
            visited.add(block_range)
            block = self.at(*block_range)
            while block.unread() >= 8:  # noqa: PLR2004 - the head of a message
                kind, length, flags = block.number(2), block.number(2), block.number(1)
                block.take(3)
                body = Body(block.take(length))
                if kind == _CONTINUED:
                    pending.append((body.number(self.offset), body.number(self.length)))
                else:
                    yield kind, flags, body

    def _new_messages(self, address: int) -> Iterator[tuple[int, int, Body]]:
        flags = self.at(address + 5, 1).number(1)
        start = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        pending, visited = [(start + width, self.at(start, width).number(width))], set()
        while pending:
            block_range = pending.pop(0)
            if block_range in visited:
                raise Unsafe("as an HDF5 file it is damaged")
            visited.add(block_range)
            block = self.at(*block_range)
            ordered = 2 if flags & 0x4 else 0
            while block.unread() >= 4 + ordered:
                kind, length, message_flags = block.number(1), block.number(2), block.number(1)
                block.take(ordered)
                body = Body(block.take(length))
                if kind == _CONTINUED:
                    block_address, size = body.number(self.offset), body.number(self.length)
                    pending.append((block_address + 4, size - 8))  # without the mark OCHK and the checksum
                else:
                    yield kind, message_flags, body

    def symbols(self, tree: int, heap: int) -> Iterator[int]:
        """Yield the addresses of the objects in a group. Raises Unsafe for a link to another object or file."""
        self._require_mark(heap, b"HEAP")
        pending = [(tree, 0)]
        visited: set[int] = set()
        while pending:
            address, depth = pending.pop()
            if address in visited or depth > _MAX_DEPTH:
                raise Unsafe("as an HDF5 file it is damaged")
            visited.add(address)
            mark = self.at(address, 4).take(4)
            if mark == b"SNOD":
                yield from self._symbol_node(address)
            elif mark == b"TREE":
                pending += [(child, depth + 1) for child in self._children(address)]
            else:
                raise Unsafe("as an HDF5 file it is damaged")

    def _children(self, address: int) -> list[int]:
        head = self.at(address, 8)
        head.take(6)
        count = head.number(2)
        body = self.at(address + 8 + 2 * self.offset, count * (self.length + self.offset) + self.length)
        children = []
        for _ in range(count):
            body.take(self.length)
            children.append(body.number(self.offset))
        return children

    def _symbol_node(self, address: int) -> Iterator[int]:
        head = self.at(address, 8)
        head.take(6)
        count = head.number(2)
        body = self.at(address + 8, count * (2 * self.offset + 24))
        for _ in range(count):
            body.take(self.offset)
            target = body.number(self.offset)
            if body.number(4) not in _HARD:
                raise Unsafe("as an HDF5 file it links to another object or file")
            body.take(20)
            yield target

    def _require_mark(self, address: int, mark: bytes) -> None:
        if self.at(address, 4).take(4) != mark:
            raise Unsafe("as an HDF5 file it is damaged")

    def heap_object(self, collection: int, index: int) -> bytes:
        """Return an object of a global heap, where texts of variable length are stored. Raises Unsafe without it."""
        self._require_mark(collection, b"GCOL")
        size = self.at(collection + 8, self.length).number(self.length)
        body = self.at(collection + 8 + self.length, size - 8 - self.length)
        while body.unread() >= 8 + self.length:
            number = body.number(2)
            body.take(6)
            length = body.number(self.length)
            if number == 0:
                break
            content = body.take(length)
            if number == index:
                return content
            body.take(min(-length % 8, body.unread()))
        raise Unsafe("as an HDF5 file it is damaged")
