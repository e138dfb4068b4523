"""A pickle, walked through without running it: a machine with the unpickler's stack and memo that keeps texts and names
and takes everything else as unknown. So every global is resolved exactly as the unpickler would, also where an attacker
moves the texts of STACK_GLOBAL about; what cannot be resolved is refused.

Beyond globals it refuses what no honest pickle does: calling or changing something that was not named, extension codes,
and a stack or memo that does not fit. Arrays that joblib writes as raw bytes between the opcodes are skipped by their size.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from validation.scanning.frames import FrameBroken, Frames
from validation.scanning.values import MARK, UNKNOWN, Global, KeptDict, Made, Opaque, alignment_of, kept_tuple, raw_size

JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_CHUNK = 1 << 20


class Malformed(Exception):
    """The pickle does what no pickler writes, or cannot be followed."""


@dataclass(slots=True)
class Walk:
    """What was met: globals as (module, name), whether it called any, and how it ended ("" is a STOP in order)."""

    globals: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0
    arrays: int = 0
    persistent: bool = False
    opcodes: int = 0
    error: str = ""


def walk_pickle(stream: BinaryIO, *, joblib: bool = False, tick: Callable[[], None] | None = None) -> Walk:
    """Walk one pickle from the stream's position to its STOP; never raises for what the pickle contains.

    ``joblib`` reads it as joblib.load does (raw arrays after their wrappers), otherwise as pickle.load does.
    """
    walk = Walk()
    machine, frames = _Machine(walk, stream if joblib else None), Frames()
    try:
        for opcode, argument, start in pickletools.genops(stream):
            walk.opcodes += 1
            end = stream.tell()
            frames.pass_over(opcode.name, argument, start or 0, end)
            machine.step(opcode.name, argument)
            frames.pass_raw(end, stream.tell())
            if tick is not None and not walk.opcodes % 4096:
                tick()
    except (Malformed, Opaque, FrameBroken) as error:
        walk.error = str(error)
    except (ValueError, EOFError, OverflowError, IndexError, KeyError, RecursionError, MemoryError) as error:
        walk.error = f"it cannot be read to its end ({error})"[:200]
    return walk


class _Machine:
    """The unpickler's stack and memo, one opcode at a time."""

    def __init__(self, walk: Walk, raw: BinaryIO | None) -> None:
        self.walk = walk
        self.raw = raw
        self.stack: list[object] = []
        self.memo: dict[int, object] = {}

    def step(self, name: str, argument: object) -> None:
        """Do what one opcode does to stack and memo."""
        if name in _CONSTANTS:
            self.stack.append(argument if isinstance(argument, str | int) else _CONSTANTS[name])
        elif name in _ACTIONS:
            _ACTIONS[name](self, argument)
        elif name not in _NOTHING:
            raise Malformed(f"the opcode {name} is not allowed")

    def pop(self) -> object:
        if not self.stack or self.stack[-1] is MARK:
            raise Malformed("its stack runs out")
        return self.stack.pop()

    def top(self) -> object:
        if not self.stack or self.stack[-1] is MARK:
            raise Malformed("its stack runs out")
        return self.stack[-1]

    def pop_mark(self) -> list[object]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is MARK:
                values = self.stack[place + 1 :]
                del self.stack[place:]
                return values
        raise Malformed("a mark is missing")

    def finish(self) -> None:
        self.pop()

    def mark(self, _: object) -> None:
        self.stack.append(MARK)

    def drop(self, _: object) -> None:
        if not self.stack:
            raise Malformed("its stack runs out")
        self.stack.pop()

    def drop_mark(self, _: object) -> None:
        self.pop_mark()

    def duplicate(self, _: object) -> None:
        self.stack.append(self.top())

    def new_dict(self, _: object) -> None:
        self.stack.append(KeptDict())

    def dict_from_mark(self, _: object) -> None:
        made = KeptDict()
        self._put_pairs(made, self.pop_mark())
        self.stack.append(made)

    def tuple_of(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(values)))

    def tuple_from_mark(self, _: object) -> None:
        self.stack.append(kept_tuple(self.pop_mark()))

    def unknown_from_mark(self, _: object) -> None:
        self.pop_mark()
        self.stack.append(UNKNOWN)

    def add_one(self, _: object) -> None:
        self.pop()
        self._require_own(self.top())

    def add_from_mark(self, _: object) -> None:
        self.pop_mark()
        self._require_own(self.top())

    def set_item(self, _: object) -> None:
        value, key = self.pop(), self.pop()
        self._put_pairs(self.top(), [key, value])

    def set_items(self, _: object) -> None:
        pairs = self.pop_mark()
        self._put_pairs(self.top(), pairs)

    def _put_pairs(self, target: object, pairs: list[object]) -> None:
        if len(pairs) % 2:
            raise Malformed("a dictionary has a key without a value")
        self._require_own(target)
        if isinstance(target, KeptDict):
            for place in range(0, len(pairs), 2):
                target.put(pairs[place], pairs[place + 1])

    def named(self, argument: object) -> None:
        module, _, name = str(argument).partition(" ")
        self._import(module, name)

    def named_on_stack(self, _: object) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise Malformed("a name it imports cannot be resolved")
        self._import(module, name)

    def _import(self, module: str, name: str) -> None:
        self.walk.globals.add((module, name))
        self.stack.append(Global(module, name))

    def instance(self, argument: object) -> None:
        values = self.pop_mark()
        self.named(argument)
        self._call(self.pop(), kept_tuple(values))

    def instance_on_stack(self, _: object) -> None:
        values = self.pop_mark()
        if not values:
            raise Malformed("it makes an object of nothing")
        self._call(values[0], kept_tuple(values[1:]))

    def call(self, _: object) -> None:
        arguments, function = self.pop(), self.pop()
        self._call(function, arguments)

    def new_object(self, _: object) -> None:
        arguments, of = self.pop(), self.pop()
        if isinstance(of, Global) and of.path == JOBLIB_ARRAY and arguments == ():
            self.walk.calls += 1
            self.stack.append(Made(of, ()))
            return
        self._call(of, arguments)

    def new_object_with_names(self, _: object) -> None:
        self.pop()
        self.new_object(None)

    def _call(self, function: object, arguments: object) -> None:
        self.walk.calls += 1
        if not isinstance(function, Global):
            raise Malformed("it calls something that is not named")
        given = arguments if isinstance(arguments, tuple) else ()
        if any(_is_array_wrapper(value) for value in (function, *given)):
            raise Malformed("it makes array wrappers in a way joblib does not")
        self.stack.append(Made(function, arguments))

    def build(self, _: object) -> None:
        state = self.pop()
        target = self.top()
        if not isinstance(target, Made):
            raise Malformed("it changes something it did not make")
        target.states.append(state)
        if target.of.path == JOBLIB_ARRAY:
            self.walk.arrays += 1
            if self.raw is not None:
                self._skip_array(target)
                self.stack[-1] = UNKNOWN

    def _skip_array(self, wrapper: Made) -> None:
        """Move past the bytes of an array, as joblib's reader does; objects follow as a pickle of their own."""
        assert self.raw is not None  # noqa: S101 - the caller looked
        size = raw_size(wrapper)
        if size is None:
            inner = walk_pickle(self.raw)
            self.walk.globals |= inner.globals
            self.walk.calls += inner.calls
            if inner.error:
                raise Malformed(f"an array of objects: {inner.error}")
            return
        if alignment_of(wrapper) is not None:
            padding = self.raw.read(1)
            size += padding[0] if padding else 0
        while size > 0:
            chunk = self.raw.read(min(size, _CHUNK))
            if not chunk:
                raise Malformed("an array is cut short")
            size -= len(chunk)

    def _require_own(self, target: object) -> None:
        if isinstance(target, Global):
            raise Malformed("it changes something it imports")

    def put(self, argument: object) -> None:
        self.memo[int(str(argument))] = self.top()

    def memoize(self, _: object) -> None:
        self.memo[len(self.memo)] = self.top()

    def get(self, argument: object) -> None:
        self.stack.append(self.memo[int(str(argument))])

    def persistent(self, _: object) -> None:
        self.walk.persistent = True
        self.stack.append(UNKNOWN)

    def persistent_on_stack(self, _: object) -> None:
        self.pop()
        self.persistent(None)


def _is_array_wrapper(value: object) -> bool:
    of = value.of if isinstance(value, Made) else value
    return isinstance(of, Global) and of.path == JOBLIB_ARRAY


_CONSTANTS: dict[str, object] = {
    **dict.fromkeys(["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"], UNKNOWN),
    **dict.fromkeys(["STRING", "BINSTRING", "SHORT_BINSTRING"], UNKNOWN),
    **dict.fromkeys(["UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"], UNKNOWN),
    **dict.fromkeys(["SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8", "FLOAT", "BINFLOAT"], UNKNOWN),
    **dict.fromkeys(["EMPTY_LIST", "EMPTY_SET", "NEXT_BUFFER"], UNKNOWN),
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}
_NOTHING = frozenset({"PROTO", "FRAME", "READONLY_BUFFER"})
_ACTIONS: dict[str, Callable[[_Machine, object], None]] = {
    "STOP": lambda machine, _: machine.finish(),
    "MARK": _Machine.mark,
    "POP": _Machine.drop,
    "POP_MARK": _Machine.drop_mark,
    "DUP": _Machine.duplicate,
    "EMPTY_DICT": _Machine.new_dict,
    "DICT": _Machine.dict_from_mark,
    "TUPLE": _Machine.tuple_from_mark,
    "TUPLE1": lambda machine, _: machine.tuple_of(1),
    "TUPLE2": lambda machine, _: machine.tuple_of(2),
    "TUPLE3": lambda machine, _: machine.tuple_of(3),
    "LIST": _Machine.unknown_from_mark,
    "FROZENSET": _Machine.unknown_from_mark,
    "APPEND": _Machine.add_one,
    "APPENDS": _Machine.add_from_mark,
    "ADDITEMS": _Machine.add_from_mark,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.named_on_stack,
    "INST": _Machine.instance,
    "OBJ": _Machine.instance_on_stack,
    "REDUCE": _Machine.call,
    "NEWOBJ": _Machine.new_object,
    "NEWOBJ_EX": _Machine.new_object_with_names,
    "BUILD": _Machine.build,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.memoize,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "PERSID": _Machine.persistent,
    "BINPERSID": _Machine.persistent_on_stack,
}
