"""Follows one pickle to its STOP without running it, and resolves every global as an unpickler does.

Python has two unpicklers, and they differ. The one in C tolerates odd numbers and frames. The one in Python, which
joblib and dill use, is strict about frames. The walk follows everything that one of them would execute. If it meets a
form that no pickler writes, it notes a problem and continues. A file with a problem is rejected.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from validation.scanning.pickles.calls import CALLS, InnerPickle, Stopped
from validation.scanning.pickles.containers import CONTAINERS
from validation.scanning.pickles.literals import LITERALS
from validation.scanning.pickles.machine import Broken, Handler, Machine, Walk
from validation.scanning.pickles.source import Ended, Source

TICK = 8192
_HANDLERS: dict[int, Handler] = {**LITERALS, **CONTAINERS, **CALLS}


def walk_pickle(stream: BinaryIO, *, raw_arrays: bool = False, tick: Callable[[int], None] | None = None) -> Walk:
    """Walk one pickle from the position of the stream, and leave the stream at the first byte after the pickle.

    With ``raw_arrays`` the pickle is read as joblib.load reads it: the bytes of an array follow its wrapper. Otherwise
    it is read as pickle.load reads it. ``tick`` is called with the number of opcodes since its last call. It may raise
    an exception to end the walk.
    """
    source, walk = Source(stream), Walk()
    with _no_collections():
        _run(Machine(source, walk, raw_arrays=raw_arrays), tick)
    source.release()
    return walk


@contextmanager
def _no_collections() -> Iterator[None]:
    """Disable Python's garbage collector. It would repeatedly traverse the millions of values that a walk may hold."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _run(machine: Machine, tick: Callable[[int], None] | None) -> None:
    walk = machine.walk
    try:
        while True:
            try:
                _steps(machine, tick)
            except InnerPickle:
                _run(Machine(machine.source, walk, raw_arrays=False), tick)
                if walk.error:
                    return
    except Stopped:
        if 0 <= machine.source.tell() < machine.frame_end:
            walk.note("it stops before its frame ends")
    except Broken as error:
        walk.error = str(error)
    except Ended:
        walk.error = "it ends too early"


def _steps(machine: Machine, tick: Callable[[int], None] | None) -> None:
    """Handle one opcode after the other, until a handler raises Stopped, InnerPickle, Broken or Ended."""
    source, walk = machine.source, machine.walk
    while True:
        start = source.tell()
        handler = _HANDLERS.get(source.byte())
        if handler is None:
            raise Broken("it has a byte that is no opcode")
        handler(machine)
        walk.opcodes += 1
        if start < machine.frame_end < source.tell():
            walk.note("an opcode crosses the end of its frame")
        if tick is not None and walk.opcodes % TICK == 0:
            tick(TICK)
