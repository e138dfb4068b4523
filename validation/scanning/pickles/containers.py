"""Handlers of the opcodes that work on the stack and the memo: marks, tuples, lists, dictionaries, GET and PUT."""

from __future__ import annotations

from validation.scanning.pickles import lines
from validation.scanning.pickles.guards import holds_watched
from validation.scanning.pickles.machine import Broken, Handler, Machine
from validation.scanning.pickles.source import MAX_KEPT
from validation.scanning.pickles.values import UNKNOWN, CallResult, Global, Record, Sequence, short_tuple

_ODD_INDEX = "it names a place in the memo as no pickler does"


def mark(machine: Machine) -> None:
    """Set a mark."""
    machine.marks.append(len(machine.stack))


def drop(machine: Machine) -> None:
    """Remove the topmost value, or the mark if it is on top."""
    if machine.marks and machine.marks[-1] == len(machine.stack):
        machine.marks.pop()
        return
    value = machine.pop()
    machine.loose -= isinstance(value, Global) and value.watched


def drop_mark(machine: Machine) -> None:
    """Remove the last mark and all values above it."""
    machine.pop_mark()


def duplicate(machine: Machine) -> None:
    """Push the topmost value once more."""
    _push_again(machine, machine.top())


def _tuple(count: int) -> Handler:
    def load(machine: Machine) -> None:
        stack = machine.stack
        if len(stack) - count < machine.fence:
            raise Broken("its stack runs out")
        stack[-count:] = [tuple(stack[-count:])]

    return load


def tuple_from_mark(machine: Machine) -> None:
    """Push a tuple of all above the last mark."""
    values = machine.pop_mark()
    machine.stack.append(short_tuple(values))


def list_from_mark(machine: Machine) -> None:
    """Push a list or a frozen set of all above the last mark."""
    sequence = Sequence()
    sequence.extend(machine.pop_mark())
    machine.stack.append(sequence)


def empty_dict(machine: Machine) -> None:
    """Push an empty dictionary."""
    machine.stack.append(Record())


def dict_from_mark(machine: Machine) -> None:
    """Push a dictionary of all above the last mark."""
    record = Record()
    _put_pairs(machine, record, machine.pop_mark())
    machine.stack.append(record)


def append(machine: Machine) -> None:
    """Add the topmost value to the list below it."""
    value = machine.pop()
    _extend(machine, [value])


def append_from_mark(machine: Machine) -> None:
    """Add all above the last mark to the list or set below it."""
    _extend(machine, machine.pop_mark())


def _extend(machine: Machine, values: list[object]) -> None:
    target = machine.top()
    _require_own(machine, target)
    if isinstance(target, Sequence):
        target.extend(values)


def set_item(machine: Machine) -> None:
    """Set one entry of the dictionary below key and value."""
    value, key = machine.pop(), machine.pop()
    _put_pairs(machine, machine.top(), [key, value])


def set_items(machine: Machine) -> None:
    """Set all entries above the last mark."""
    pairs = machine.pop_mark()
    _put_pairs(machine, machine.top(), pairs)


def _put_pairs(machine: Machine, target: object, pairs: list[object]) -> None:
    if len(pairs) % 2:
        raise Broken("a dictionary has a key without a value")
    _require_own(machine, target)
    if isinstance(target, Record):
        for index in range(0, len(pairs), 2):
            target.put(pairs[index], pairs[index + 1])


def _require_own(machine: Machine, target: object) -> None:
    """Note a problem if the pickle changes an object that it did not make: an import, or an outside object."""
    if isinstance(target, Global) or target is UNKNOWN:
        machine.walk.note("it changes something that it did not make")
    elif isinstance(target, CallResult) and target.function.path.startswith("functools."):
        machine.walk.note(f"it changes a {target.function.path} in a way no pickler does")


def put(machine: Machine) -> None:
    """Store the topmost value in the memo, at an index that is written as text."""
    text = _index_line(machine)
    value = machine.top()
    if text is None:
        return
    index, is_plain = lines.memo_index(text)
    if index is None or index < 0:
        raise Broken("it names no place in the memo")
    if not is_plain:
        machine.walk.note(_ODD_INDEX)
    machine.remember(index, value)


def _index_line(machine: Machine) -> bytes | None:
    """Return the text of an index in the memo; None if it is longer than a pickler writes it."""
    text, ended = machine.source.line()
    if not ended:
        raise Broken("it ends too early")
    if len(text) <= MAX_KEPT:
        return text
    machine.walk.note(_ODD_INDEX)
    return None


def _put(width: int) -> Handler:
    def store(machine: Machine) -> None:
        index = machine.source.number(width)
        machine.remember(index, machine.top())

    return store


def memoize(machine: Machine) -> None:
    """Store the topmost value at the next index of the memo."""
    machine.remember(len(machine.memo), machine.top())


def get(machine: Machine) -> None:
    """Push a value of the memo whose index is written as text."""
    text = _index_line(machine)
    if text is None:
        machine.stack.append(UNKNOWN)
        return
    index, is_plain = lines.memo_index(text)
    if not is_plain and index is not None:
        machine.walk.note(_ODD_INDEX)
    _recall(machine, index)


def _get(width: int) -> Handler:
    def load(machine: Machine) -> None:
        _recall(machine, machine.source.number(width))

    return load


def _recall(machine: Machine, index: int | None) -> None:
    if index is None or index not in machine.memo:
        raise Broken("it asks for a value it never kept")
    _push_again(machine, machine.memo[index])


def _push_again(machine: Machine, value: object) -> None:
    """Push a value that was used before. A value with a watched name may not be used twice, because it counts once."""
    if holds_watched(value):
        machine.walk.note("it uses a value again that holds what it may only make objects of")
    machine.push(value)


CONTAINERS: dict[int, Handler] = {
    ord("("): mark,
    ord("0"): drop,
    ord("1"): drop_mark,
    ord("2"): duplicate,
    0x85: _tuple(1),
    0x86: _tuple(2),
    0x87: _tuple(3),
    ord("t"): tuple_from_mark,
    ord("l"): list_from_mark,
    0x91: list_from_mark,
    ord("}"): empty_dict,
    ord("d"): dict_from_mark,
    ord("a"): append,
    ord("e"): append_from_mark,
    0x90: append_from_mark,
    ord("s"): set_item,
    ord("u"): set_items,
    ord("p"): put,
    ord("q"): _put(1),
    ord("r"): _put(4),
    0x94: memoize,
    ord("g"): get,
    ord("h"): _get(1),
    ord("j"): _get(4),
}
