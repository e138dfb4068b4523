"""Scans PyTorch files.

Such a file is a zip file that holds a pickle and the bytes of its tensors. Before PyTorch 1.6 it was a sequence of five
pickles, followed by these bytes. Only in a PyTorch file may a pickle refer to objects outside of itself. Each of them
is a storage (the bytes of a tensor), whose key is the name of a member of the zip file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import BinaryIO

from validation.scanning.pickles.machine import Walk
from validation.scanning.pickles.scan import check_globals, check_walks, scan_pickle
from validation.scanning.pickles.values import Global, Sequence
from validation.scanning.pickles.walk import walk_pickle
from validation.scanning.report import Budget, FileReport, Unsafe

_LEGACY = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_LEGACY_PICKLES = 5
_STORAGE_PARTS = 5
_SIZES = {
    "ByteStorage": 1, "BoolStorage": 1, "CharStorage": 1, "QInt8Storage": 1, "QUInt8Storage": 1, "ShortStorage": 2,
    "HalfStorage": 2, "BFloat16Storage": 2, "IntStorage": 4, "FloatStorage": 4, "QInt32Storage": 4, "LongStorage": 8,
    "DoubleStorage": 8, "ComplexFloatStorage": 8, "ComplexDoubleStorage": 16,
}  # fmt: skip

Inner = Callable[[FileReport, BinaryIO], None]


def is_torch(names: Collection[str]) -> bool:
    """Return whether a zip file with members of these names is a PyTorch file."""
    return any(name == "data.pkl" or name.endswith("/data.pkl") for name in names)


def torch_member(inner: Inner, budget: Budget) -> Inner:
    """Return the scanner of the members of a PyTorch file.

    It lets pickles refer to storages. It gives all other members to ``inner``.
    """

    def scan(part: FileReport, stream: BinaryIO) -> None:
        if not part.name.endswith(".pkl"):
            inner(part, stream)
            return
        walks = scan_pickle(part, stream, budget, persistent=True)
        folder = part.name.removesuffix(".pkl")
        for _, key, _ in _storages(part, walks):
            part.data_files.add(f"{folder}/{key}")

    return scan


def _storages(report: FileReport, walks: list[Walk]) -> list[tuple[str, str, int]]:
    """Return kind, key and number of elements of each storage that the pickles refer to.

    Refuse the file if they refer to something else.
    """
    storages = []
    for identifier in (identifier for walk in walks for identifier in walk.persistent):
        storage = _storage_of(identifier)
        if storage is None:
            report.refuse("as a PyTorch file it refers to something that is no storage")
            break
        storages.append(storage)
    return storages


def _storage_of(identifier: object) -> tuple[str, str, int] | None:
    if not isinstance(identifier, tuple) or len(identifier) < _STORAGE_PARTS or identifier[0] != "storage":
        return None
    kind, key, count = identifier[1], identifier[2], identifier[4]
    if not isinstance(kind, Global) or not isinstance(key, str) or type(count) is not int:
        return None
    return (kind.name, key, count) if kind.module in {"torch", "torch.storage"} else None


def is_legacy_torch(head: bytes) -> bool:
    """Return whether these are the first bytes of a file that PyTorch wrote before version 1.6."""
    return head.startswith(_LEGACY)


def scan_legacy_torch(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan the five pickles, and check the length of the bytes that follow them.

    Raises Unsafe for a damaged file, or for one that is longer or shorter than its storages need.
    """
    report.format = "PyTorch"
    walks = []
    for _ in range(_LEGACY_PICKLES):
        walks.append(walk_pickle(stream, tick=budget.spend_steps))
        if walks[-1].refusal:
            break
    check_walks(report, walks, persistent=True)
    check_globals(report, {name for walk in walks for name in walk.globals}, budget)
    storages = {key: _SIZES.get(kind, 0) * count + 8 for kind, key, count in _storages(report, walks)}
    if report.problems:
        return
    keys = walks[-1].result
    if not isinstance(keys, Sequence) or not keys.complete or {str(key) for key in keys.items} != storages.keys():
        raise Unsafe("as a PyTorch file it is damaged; save it again with PyTorch 1.6 or later")
    start = stream.tell()
    if stream.seek(0, 2) != start + sum(storages.values()):
        raise Unsafe("as a PyTorch file it is cut short, or something follows its tensors")
