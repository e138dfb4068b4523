"""Handlers of the opcodes that push a literal: numbers, texts, bytes and constants."""

from __future__ import annotations

import codecs

from validation.scanning.pickles import lines
from validation.scanning.pickles.machine import Broken, Handler, Machine
from validation.scanning.pickles.source import MAX_KEPT
from validation.scanning.pickles.values import DATA, TEXT, Sequence

_MAX_TEXTS = 64 * 1024**2
_ALWAYS_KEPT = 64
_SMALL_LONG = 8
# Attributes of an object from which numpy, CuPy and PyTorch read an address in memory.
ARRAY_INTERFACES = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})
_ODD_NUMBER = "it holds a number in a form that no pickler writes"
_ODD_TEXT = "it holds a text in a form that no pickler writes"


def _line(machine: Machine) -> bytes:
    text, ended = machine.source.line()
    if not ended:
        raise Broken("it ends too early")
    return text


def load_int(machine: Machine) -> None:
    """Push an integer or a boolean: I01 and I00 are True and False."""
    text = _line(machine)
    if text in {b"00", b"01"}:
        machine.stack.append(text == b"01")
        return
    _push_number(machine, text, long=False)


def load_long(machine: Machine) -> None:
    """Push an integer that ends with L."""
    _push_number(machine, _line(machine), long=True)


def _push_number(machine: Machine, text: bytes, *, long: bool) -> None:
    if not lines.is_plain_int(text, long=long):
        if not lines.may_be_int(text, long=long) and len(text) <= MAX_KEPT:
            raise Broken("it holds an invalid number")
        machine.walk.note(_ODD_NUMBER)
    value = lines.small_int(text)
    machine.stack.append(DATA if value is None else value)


def load_float(machine: Machine) -> None:
    """Push a number that is written as text."""
    text = _line(machine)
    if not lines.is_plain_float(text):
        if not lines.may_be_float(text) and len(text) <= MAX_KEPT:
            raise Broken("it holds an invalid number")
        machine.walk.note(_ODD_NUMBER)
    machine.stack.append(DATA)


def load_string(machine: Machine) -> None:
    """Push a text of Python 2 in quotes."""
    text = _line(machine)
    inner = lines.quoted(text)
    if len(text) > MAX_KEPT:
        machine.stack.append(TEXT)
    elif inner is None:
        if lines.quoted(text.strip()) is None:
            raise Broken("it holds a text without quotes")
        machine.walk.note(_ODD_TEXT)
        machine.stack.append(TEXT)
    else:
        _push_text(machine, _unescaped(inner), "ascii")


def _unescaped(text: bytes) -> bytes | None:
    """Return the text with its escapes decoded as unpicklers do; None if they refuse it."""
    if b"\\" not in text:
        return text
    try:
        return bytes(codecs.escape_decode(text)[0])
    except ValueError:
        return None


def load_unicode(machine: Machine) -> None:
    """Push a text of protocol 0."""
    text = _line(machine)
    _push_text(machine, text if len(text) <= MAX_KEPT else None, "raw-unicode-escape")


def _push_text(machine: Machine, data: bytes | None, encoding: str) -> None:
    if data is None:
        machine.stack.append(TEXT)
        return
    try:
        text = data.decode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")
    except UnicodeDecodeError as error:
        if encoding != "ascii":
            raise Broken("it holds an invalid text") from error
        machine.stack.append(TEXT)
        return
    if text in ARRAY_INTERFACES:
        machine.walk.note(f"it names {text}, by which an object points numpy at any memory")
    machine.texts_kept += len(text)
    keeps = len(text) <= _ALWAYS_KEPT or machine.texts_kept <= _MAX_TEXTS
    machine.stack.append(text if keeps else TEXT)


def _texts(width: int, encoding: str) -> Handler:
    def load(machine: Machine) -> None:
        source = machine.source
        _push_text(machine, source.take_unless_long(source.number(width)), encoding)

    return load


def _bytes(width: int) -> Handler:
    def load(machine: Machine) -> None:
        source = machine.source
        source.skip(source.number(width))
        machine.stack.append(DATA)

    return load


def _unsigned(width: int) -> Handler:
    def load(machine: Machine) -> None:
        machine.stack.append(machine.source.number(width))

    return load


def load_binint(machine: Machine) -> None:
    """Push a signed integer of four bytes."""
    machine.stack.append(int.from_bytes(machine.source.take(4), "little", signed=True))


def load_binfloat(machine: Machine) -> None:
    """Push a number of eight bytes."""
    machine.source.take(8)
    machine.stack.append(DATA)


def _long(width: int) -> Handler:
    def load(machine: Machine) -> None:
        size = int.from_bytes(machine.source.take(width), "little", signed=width > 1)
        if size < 0:
            raise Broken("it holds a number of negative length")
        if size > _SMALL_LONG:
            machine.source.skip(size)
            machine.stack.append(DATA)
        else:
            machine.stack.append(int.from_bytes(machine.source.take(size), "little", signed=True))

    return load


def _constant(value: object) -> Handler:
    def load(machine: Machine) -> None:
        machine.stack.append(value)

    return load


def load_list(machine: Machine) -> None:
    """Push an empty list or set."""
    machine.stack.append(Sequence())


def load_buffer(machine: Machine) -> None:
    """Push a buffer from outside the pickle, which a file cannot have."""
    machine.walk.note("it refers to data outside the pickle")
    machine.stack.append(DATA)


LITERALS: dict[int, Handler] = {
    ord("I"): load_int,
    ord("L"): load_long,
    ord("F"): load_float,
    ord("S"): load_string,
    ord("V"): load_unicode,
    ord("J"): load_binint,
    ord("K"): _unsigned(1),
    ord("M"): _unsigned(2),
    0x8A: _long(1),
    0x8B: _long(4),
    ord("G"): load_binfloat,
    ord("T"): _texts(4, "ascii"),
    ord("U"): _texts(1, "ascii"),
    ord("X"): _texts(4, "utf-8"),
    0x8C: _texts(1, "utf-8"),
    0x8D: _texts(8, "utf-8"),
    ord("B"): _bytes(4),
    ord("C"): _bytes(1),
    0x8E: _bytes(8),
    0x96: _bytes(8),
    0x97: load_buffer,
    ord("N"): _constant(None),
    0x88: _constant(True),  # noqa: FBT003 - the value itself
    0x89: _constant(False),  # noqa: FBT003 - the value itself
    ord(")"): _constant(()),
    ord("]"): load_list,
    0x8F: load_list,
}
