"""What the pickle machine keeps of a value: enough to resolve globals, and to know how many raw bytes an array has."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field

UNKNOWN = object()
MARK = object()
_MAX_KEPT = 64


@dataclass(slots=True)
class Global:
    """Something the pickle imports."""

    module: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class Made:
    """What calling a global gave: which one, with which arguments, and the states it was built with."""

    of: Global
    args: object
    states: list[object] = field(default_factory=list)


@dataclass(slots=True)
class KeptDict:
    """A dictionary, as far as its keys are short texts. Past _MAX_KEPT entries it is not looked into any more."""

    items: dict[str, object] = field(default_factory=dict)
    whole: bool = True

    def put(self, key: object, value: object) -> None:
        """Set an entry as the unpickler would."""
        if isinstance(key, str) and len(self.items) < _MAX_KEPT:
            self.items[key] = value
        else:
            self.whole = False


def kept_tuple(values: list[object]) -> object:
    """Return a tuple's values where there are few."""
    return tuple(values) if len(values) <= _MAX_KEPT else UNKNOWN


class Opaque(Exception):
    """An array's size cannot be known for certain, so what follows it cannot be read."""


_SIZED = re.compile(r"([biufcSaUVmM])(\d{1,6})")
_HAS_OBJECT = 1
_STATE_SIZE_AT, _STATE_FLAGS_AT, _STATE_FIELDS = 5, 7, 8


def raw_size(wrapper: Made) -> int | None:
    """Return how many raw bytes joblib wrote after this array wrapper; None where an object pickle follows instead.

    Raises Opaque where it cannot be told for certain.
    """
    if len(wrapper.states) != 1 or not isinstance(wrapper.states[0], KeptDict) or not wrapper.states[0].whole:
        raise Opaque("the description of an array is not plain")
    state = wrapper.states[0].items
    shape, dtype = state.get("shape"), state.get("dtype")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise Opaque("the shape of an array is not plain")
    item = _item_size(dtype)
    return None if item is None else item * math.prod(side for side in shape if isinstance(side, int))


def alignment_of(wrapper: Made) -> int | None:
    """Return the alignment joblib padded the array to, None for a file of before it did."""
    state = wrapper.states[0]
    found = state.items.get("numpy_array_alignment_bytes") if isinstance(state, KeptDict) else None
    if found is not None and type(found) is not int:
        raise Opaque("the alignment of an array is not plain")
    return found if isinstance(found, int) else None


def _item_size(dtype: object) -> int | None:
    """Return the size of one element; None for Python objects."""
    if not isinstance(dtype, Made) or dtype.of.path != "numpy.dtype" or len(dtype.states) != 1:
        raise Opaque("the type of an array is not plain")
    args, state = dtype.args, dtype.states[0]
    code = args[0] if isinstance(args, tuple) and args else None
    if not isinstance(code, str) or not isinstance(state, tuple) or len(state) < _STATE_FIELDS:
        raise Opaque("the type of an array is not plain")
    if code in {"O", "O8", "|O"}:
        return None
    return _plain_size(code, state)


def _plain_size(code: str, state: tuple[object, ...]) -> int:
    flags, said = state[_STATE_FLAGS_AT], state[_STATE_SIZE_AT]
    match = _SIZED.fullmatch(code)
    if match is None or state[2] is not None or type(flags) is not int or flags & _HAS_OBJECT:
        raise Opaque(f"the array type {code!r} is not read here")
    size = int(match[2]) * (4 if match[1] == "U" else 1)
    if said not in {-1, size}:
        raise Opaque(f"the array type {code!r} says two sizes")
    return size
