"""Handlers of the opcodes that import, call and fill objects, and of PROTO, FRAME, STOP and persistent ids."""

from __future__ import annotations

from validation.scanning.pickles.guards import (
    is_given_over,
    is_watched,
    problem_of_call,
    problem_of_state,
    result_of_call,
)
from validation.scanning.pickles.joblib_arrays import JOBLIB_ARRAY, Opaque, alignment_of, raw_size
from validation.scanning.pickles.machine import Broken, Handler, Machine
from validation.scanning.pickles.values import TEXT, UNKNOWN, CallResult, Global, Record, short_tuple

_NEWEST_PROTOCOL = 5
_MAX_NAME = 1000
_RENAMED = {"__builtin__": "builtins", "copy_reg": "copyreg"}


class Stopped(Exception):
    """The walk has reached the STOP of the pickle."""


def stop(machine: Machine) -> None:
    """End the pickle: the topmost value is the result of loading. Raises Stopped."""
    machine.walk.result = machine.pop()
    if machine.loose:
        machine.walk.note(f"it passes {machine.last_watched} on, which it may only make objects of")
    raise Stopped


def protocol(machine: Machine) -> None:
    """Read the number of the protocol. A pickler writes it only at the start."""
    if machine.source.byte() > _NEWEST_PROTOCOL:
        raise Broken("it is of a protocol newer than any known")
    if machine.source.tell() != machine.began + 2:
        machine.walk.note("it changes its protocol on the way")


def frame(machine: Machine) -> None:
    """Read the length of a frame. Unpicklers treat a frame inside another one differently, so it is refused."""
    size = machine.source.number(8)
    start = machine.source.tell()
    if start - 9 < machine.frame_end:
        machine.walk.note("a frame lies in another")
    machine.frame_end = start + size


def import_named(machine: Machine) -> None:
    """Import the name on the next two lines."""
    module, ended = machine.source.line()
    name, whole = machine.source.line() if ended else (b"", False)
    if not module or not name:
        raise Broken("it imports a name without an end")
    _import(machine, module.decode("utf-8", "replace"), name.decode("utf-8", "replace"))
    if not whole:
        raise Broken("it imports a name without an end")


def import_from_stack(machine: Machine) -> None:
    """Import the name whose parts are the two topmost values."""
    name, module = machine.pop(), machine.pop()
    if isinstance(module, str) and isinstance(name, str):
        _import(machine, module, name)
        return
    if not _may_be_text(module) or not _may_be_text(name):
        raise Broken("it imports by what is no name")
    machine.walk.note("a name it imports cannot be resolved")
    machine.walk.globals.add((module[:_MAX_NAME] if isinstance(module, str) else "?", "?"))
    machine.stack.append(UNKNOWN)


def _may_be_text(value: object) -> bool:
    """Return whether this value may be a text when the pickle is loaded. The object of a class is not."""
    if isinstance(value, CallResult):
        return not value.function.name.lstrip("_")[:1].isupper()
    return isinstance(value, str) or value is TEXT or value is UNKNOWN


def _import(machine: Machine, module: str, name: str) -> None:
    machine.walk.globals.add((module[:_MAX_NAME], name[:_MAX_NAME]))
    module = _RENAMED.get(module, module)
    machine.push(Global(module, name, watched=is_watched(module, name)))


def _extension(width: int) -> Handler:
    def load(machine: Machine) -> None:
        number = machine.source.number(width)
        machine.walk.note("it imports by a number of the extension registry")
        machine.walk.globals.add(("copyreg", f"extension {number}"))
        machine.stack.append(UNKNOWN)

    return load


def make_named(machine: Machine) -> None:
    """Import the name on the next two lines and call it with the values above the last mark.

    The import comes first, as in one of the unpicklers: it happens even if there is no mark.
    """
    import_named(machine)
    function = machine.stack.pop()
    _call(machine, function, short_tuple(machine.pop_mark()))


def make_from_stack(machine: Machine) -> None:
    """Call the first value above the last mark with the values after it."""
    values = machine.pop_mark()
    if not values:
        raise Broken("its stack runs out")
    _call(machine, values[0], short_tuple(values[1:]))


def call(machine: Machine) -> None:
    """Call a function with a tuple of arguments."""
    arguments, function = machine.pop(), machine.pop()
    _call(machine, function, arguments)


def make(machine: Machine) -> None:
    """Make an object of a class, without calling its __init__."""
    arguments, cls = machine.pop(), machine.pop()
    _call(machine, cls, arguments)


def make_with_names(machine: Machine) -> None:
    """Make an object of a class with named arguments."""
    _, arguments, cls = machine.pop(), machine.pop(), machine.pop()
    if isinstance(cls, Global) and cls.watched:
        machine.walk.note(f"it makes a {cls.path} in a way no pickler does")
    _call(machine, cls, arguments)


def _call(machine: Machine, function: object, arguments: object) -> None:
    walk = machine.walk
    if not isinstance(function, Global):
        walk.note("it calls something that is not named")
        walk.calls += isinstance(function, CallResult) or function is UNKNOWN
        machine.stack.append(UNKNOWN)
        return
    walk.calls += 1
    machine.loose -= function.watched + is_given_over(function, arguments)
    if problem := problem_of_call(function, arguments):
        walk.note(problem)
    machine.stack.append(_result_of(function, arguments))


def _result_of(function: Global, arguments: object) -> object:
    """Return the result of a call. `copyreg._reconstructor` of protocol 0 returns an object of its first argument."""
    if function.path == "copyreg._reconstructor" and isinstance(arguments, tuple):
        cls = arguments[0] if arguments else None
        if isinstance(cls, Global):
            return CallResult(cls, ())
    return result_of_call(function.path, arguments) or CallResult(function, arguments)


def build(machine: Machine) -> None:
    """Set the state of an object."""
    state = machine.pop()
    target = machine.top()
    if not isinstance(target, CallResult):
        machine.walk.note("it changes something that it did not make")
        return
    if problem := problem_of_state(target, state):
        machine.walk.note(problem)
    target.states.append(state)
    if target.function.path == JOBLIB_ARRAY:
        machine.walk.arrays += 1
        machine.loose -= isinstance(state, Record) and state.holds_watched
        if machine.raw_arrays:
            _skip_array(machine, target)


def _skip_array(machine: Machine, wrapper: CallResult) -> None:
    """Skip the bytes of an array, as joblib's reader does. Raises Broken if their number is not certain."""
    source = machine.source
    if source.tell() < machine.frame_end:
        machine.walk.note("the bytes of an array lie inside a frame")
    machine.frame_end = -1
    try:
        size = raw_size(wrapper)
        aligned = alignment_of(wrapper)
    except Opaque as error:
        machine.walk.note(str(error))
        raise Broken(str(error)) from error
    machine.stack[-1] = CallResult(Global("numpy", "ndarray"), ())
    if size is None:
        raise InnerPickle
    source.skip((source.byte() if aligned is not None else 0) + size)


class InnerPickle(Exception):
    """An array of objects follows, which is a separate pickle."""


def persistent(machine: Machine) -> None:
    """Push an object outside the pickle, named by a text."""
    text, ended = machine.source.line()
    if not ended:
        raise Broken("it ends too early")
    machine.walk.note_persistent(text.decode("latin-1"))
    machine.stack.append(UNKNOWN)


def persistent_from_stack(machine: Machine) -> None:
    """Push an object outside the pickle, named by the topmost value."""
    machine.walk.note_persistent(machine.pop())
    machine.stack.append(UNKNOWN)


def read_only(machine: Machine) -> None:
    """Make a buffer read-only."""
    machine.top()


CALLS: dict[int, Handler] = {
    ord("."): stop,
    0x80: protocol,
    0x95: frame,
    ord("c"): import_named,
    0x93: import_from_stack,
    0x82: _extension(1),
    0x83: _extension(2),
    0x84: _extension(4),
    ord("i"): make_named,
    ord("o"): make_from_stack,
    ord("R"): call,
    0x81: make,
    0x92: make_with_names,
    ord("b"): build,
    ord("P"): persistent,
    ord("Q"): persistent_from_stack,
    0x98: read_only,
}
