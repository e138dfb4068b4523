"""Pickles, joblib files and NumPy arrays."""

from __future__ import annotations

import ast
from typing import BinaryIO

from validation.scanning.machine import JOBLIB_ARRAY, Walk, walk_pickle
from validation.scanning.report import Budget, Found, Unsafe, judge_globals

NPY_MAGIC = b"\x93NUMPY"
_MAX_NPY_HEADER = 1 << 20


def scan_pickle(found: Found, stream: BinaryIO, budget: Budget, *, persistent: bool = False) -> None:
    """Judge a stream that holds one pickle after another, to its last byte.

    A joblib file has raw arrays between the opcodes. It is walked as joblib reads it and also as `pickle.load` would, so
    that code hidden in an "array" for the other reader is seen too.
    """
    found.format = found.format or "pickle"
    seen: set[tuple[str, str]] = set()
    plain = _walk_all(stream, budget, joblib=False)
    joblib_file = any(tuple(JOBLIB_ARRAY.rsplit(".", 1)) in walk.globals for walk in plain)
    walks = plain
    if joblib_file:
        found.format = "joblib"
        seen |= {name for walk in plain for name in walk.globals}
        stream.seek(0)
        walks = _walk_all(stream, budget, joblib=True)
    seen |= {name for walk in walks for name in walk.globals}
    if walks[-1].error:
        place = "after its end " if len(walks) > 1 else ""
        found.problems.append(f"as a pickle {place}{walks[-1].error}")
    if any(walk.persistent for walk in walks) and not persistent:
        found.problems.append("it refers to objects outside the pickle")
    judge_globals(found, seen, budget)


def _walk_all(stream: BinaryIO, budget: Budget, *, joblib: bool) -> list[Walk]:
    """Walk pickle after pickle until the stream ends or one is broken."""
    walks = [walk_pickle(stream, joblib=joblib, tick=budget.tick)]
    while not walks[-1].error and not _at_end(stream):
        walks.append(walk_pickle(stream, joblib=joblib, tick=budget.tick))
    return walks


def _at_end(stream: BinaryIO) -> bool:
    more = stream.read(1)
    if more:
        stream.seek(-1, 1)
    return not more


def acts_like_pickle(stream: BinaryIO) -> bool:
    """Return whether a file without any mark is a pickle of an old protocol: it imports, and then calls or ends in order."""
    walk = walk_pickle(stream)
    return bool(walk.globals) and (walk.calls > 0 or not walk.error)


def scan_npy(found: Found, stream: BinaryIO, budget: Budget) -> None:
    """Judge a NumPy file: data, unless its elements are Python objects, which follow as a pickle."""
    found.format = "numpy array"
    head = stream.read(len(NPY_MAGIC) + 2)
    if len(head) < len(NPY_MAGIC) + 2:
        raise Unsafe("its header is cut short")
    width = 2 if head[len(NPY_MAGIC)] == 1 else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > _MAX_NPY_HEADER:
        raise Unsafe("its header is too long")
    try:
        header = ast.literal_eval(stream.read(length).decode("latin-1"))
        objects = _has_objects(header["descr"])
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError) as error:
        raise Unsafe("its header cannot be read") from error
    if objects:
        found.format = "numpy array of objects"
        walk = walk_pickle(stream, tick=budget.tick)
        judge_globals(found, walk.globals, budget)
        if walk.error:
            found.problems.append(f"as an array of objects {walk.error}")


def _has_objects(descr: object) -> bool:
    if isinstance(descr, str):
        return "O" in descr
    if isinstance(descr, list | tuple):
        return any(_has_objects(part) for part in descr)
    return False
