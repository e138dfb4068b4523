"""Scan of tables: Parquet, Arrow and Feather files.

Old readers of Arrow unpickle types that a file declares, so files with such types are refused.
"""

from __future__ import annotations

import base64
from typing import BinaryIO

from validation.scanning.report import Budget, FileReport, Unsafe

_MAGIC = ((b"PAR1", b"PAR1"), (b"PARE", b"PARE"), (b"ARROW1\x00\x00", b"ARROW1"), (b"FEA1", b"FEA1"))
_PICKLED_TYPE = b"arrow.py_extension_type"
_CHUNK = 1 << 20


def is_table(head: bytes) -> bool:
    """Return whether a file begins as a Parquet, Arrow or Feather file does."""
    return any(head.startswith(start) for start, _ in _MAGIC)


def scan_table(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan a table. Raises Unsafe if it is cut short, or declares a pickled type, which pyarrow before 14.0.1 loads."""
    head = stream.read(8)
    ending = next(end for start, end in _MAGIC if head.startswith(start))
    stream.seek(-min(len(ending), stream.seek(0, 2)), 2)
    if stream.read() != ending:
        raise Unsafe("as a table it is cut short, or something follows its end")
    stream.seek(0)
    if _contains(stream, _spellings(_PICKLED_TYPE), budget):
        raise Unsafe("it declares a pickled type (arrow.py_extension_type), which old readers load")
    report.format = "table"


def _spellings(word: bytes) -> list[bytes]:
    """Return a word as plain bytes and as part of texts in base64, because Parquet stores Arrow's schema in base64."""
    spellings = [word]
    for shift in range(3):
        coded = base64.b64encode(b"\x00" * shift + word)
        spellings.append(coded[4 if shift else 0 : -4])
    return spellings


def _contains(stream: BinaryIO, words: list[bytes], budget: Budget) -> bool:
    longest = max(len(word) for word in words)
    overlap = b""
    while chunk := stream.read(_CHUNK):
        window = overlap + chunk
        if any(word in window for word in words):
            return True
        overlap = window[-longest:]
        budget.tick()
    return False
