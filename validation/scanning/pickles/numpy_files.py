"""Scan of NumPy files. They are data, unless their elements are Python objects, which follow as a pickle."""

from __future__ import annotations

import ast
import math
import re
from typing import BinaryIO

from validation.scanning.pickles.scan import at_end, check_globals, check_walks
from validation.scanning.pickles.walk import walk_pickle
from validation.scanning.report import Budget, FileReport, Unsafe

NPY_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 1 << 20
_VERSIONS = {1: 2, 2: 4, 3: 4}
_PLAIN = re.compile(r"[<>|=]?(?:([biufcSaV])(\d{1,9})|([U])(\d{1,9})|([mM])8(?:\[\w{1,8}\])?|\?)")
_OBJECT = re.compile(r"[<>|=]?(?:O\d?|object)")
_BYTES_OF_A_CHARACTER = 4


def scan_npy(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan a NumPy file to its last byte. Raises Unsafe for another file."""
    report.format = "numpy array"
    header = _header_of(stream)
    size = _item_size(header.get("descr"))
    shape = header.get("shape")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise Unsafe("its header is not that of a numpy file")
    if size is None:
        report.format = "numpy array of objects"
        walk = walk_pickle(stream, tick=budget.spend_steps)
        check_walks(report, [walk])
        check_globals(report, walk.globals, budget)
        if not walk.refusal and not at_end(stream):
            report.refuse("something follows the array")
        return
    start = stream.tell()
    if stream.seek(0, 2) != start + size * math.prod(shape):
        report.refuse("as a numpy file it is cut short, or something follows the array")


def _header_of(stream: BinaryIO) -> dict[str, object]:
    head = stream.read(len(NPY_MAGIC) + 2)
    width = _VERSIONS.get(head[len(NPY_MAGIC)]) if len(head) == len(NPY_MAGIC) + 2 else None
    if width is None:
        raise Unsafe("its header is not that of a numpy file")
    length = int.from_bytes(stream.read(width), "little")
    if length > _MAX_HEADER:
        raise Unsafe("its header is too long")
    try:
        header = ast.literal_eval(stream.read(length).decode("utf-8" if width > 2 else "latin-1"))  # noqa: PLR2004 - the newer versions
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise Unsafe("its header is not that of a numpy file") from error
    if not isinstance(header, dict):
        raise Unsafe("its header is not that of a numpy file")
    return header


def _item_size(descr: object) -> int | None:
    """Return the size in bytes of one element; None if it has Python objects. Raises Unsafe for an unknown type."""
    if isinstance(descr, str):
        return _size_of_code(descr)
    if isinstance(descr, list):
        sizes = [_field_size(field) for field in descr]
        return None if None in sizes else sum(size for size in sizes if size is not None)
    raise Unsafe("its header names an unknown type")


def _field_size(field: object) -> int | None:
    if not isinstance(field, tuple) or len(field) not in {2, 3}:
        raise Unsafe("its header names an unknown type")
    inner = _item_size(field[1])
    shape = field[2] if len(field) == 3 else ()  # noqa: PLR2004 - name, type, shape
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise Unsafe("its header names an unknown type")
    return None if inner is None else inner * math.prod(shape)


def _size_of_code(code: str) -> int | None:
    if _OBJECT.fullmatch(code):
        return None
    match = _PLAIN.fullmatch(code)
    if match is None:
        raise Unsafe(f"its header names an unknown type ({code[:40]!r})")
    if match[2]:
        return int(match[2])
    if match[4]:
        return int(match[4]) * _BYTES_OF_A_CHARACTER
    return 8 if match[5] else 1
