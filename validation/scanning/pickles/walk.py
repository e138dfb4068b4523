"""Follows one pickle to its STOP without running it, so that every global is resolved as the unpicklers would.

There are two of them, and they differ: the one in C is generous about numbers and frames, the one in Python (joblib's
and dill's) is strict about frames. The walk recognises what either would execute. Where no pickler writes such a thing
it is noted as a problem, which refuses the file, and the walk goes on.
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
    """Walk one pickle from the stream's position; the stream is left behind its end.

    ``raw_arrays`` reads it as joblib.load does (the bytes of arrays lie behind their wrappers), otherwise as
    pickle.load does. ``tick`` is called with the number of opcodes since it was called last, and may raise to end the
    walk.
    """
    source, walk = Source(stream), Walk()
    with _no_collections():
        _run(Machine(source, walk, raw_arrays=raw_arrays), tick)
    source.release()
    return walk


@contextmanager
def _no_collections() -> Iterator[None]:
    """Disable the garbage collector, which would repeatedly traverse the millions of values that a walk may hold."""
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
    """Take one opcode after the other until one raises."""
    source, walk = machine.source, machine.walk
    while True:
        start = source.tell()
        handler = _HANDLERS.get(source.byte())
        if handler is None:
            raise Broken("it holds what is no opcode")
        handler(machine)
        walk.opcodes += 1
        if start < machine.frame_end < source.tell():
            walk.note("an opcode crosses the end of its frame")
        if tick is not None and walk.opcodes % TICK == 0:
            tick(TICK)
