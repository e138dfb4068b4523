"""The number of bytes of an array that joblib writes between the opcodes of a pickle.

joblib's reader gets it from the wrapper object, whose state is in the file. So every entry of the state must be as
joblib writes it: another entry could replace the method that reads, and joblib would execute bytes that the scan skips.
"""

from __future__ import annotations

import math
import re

from validation.scanning.pickles.values import CallResult, Global, Record

JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_ENTRIES = frozenset({"subclass", "shape", "order", "dtype", "allow_mmap", "numpy_array_alignment_bytes"})
_SUBCLASSES = frozenset({"numpy.ndarray", "numpy.memmap", "numpy.matrix", "numpy.matrixlib.defmatrix.matrix"})
_SIZED = re.compile(r"([biufcSaUVmM])(\d{1,6})")
_HAS_OBJECT = 1
_STATE_SUBARRAY_AT, _STATE_SIZE_AT, _STATE_FLAGS_AT, _STATE_FIELDS = 2, 5, 7, 8
_MOST_BYTES = 1 << 62


class Opaque(Exception):
    """The number of bytes is not certain, so the scan cannot read what follows them."""


def raw_size(wrapper: CallResult) -> int | None:
    """Return how many bytes follow this wrapper; None for an array of objects, which follows as a separate pickle.

    Raises Opaque.
    """
    state = _state_of(wrapper)
    shape = state.get("shape")
    if not isinstance(shape, tuple) or not all(type(side) is int and side >= 0 for side in shape):
        raise Opaque("the shape of an array is not plain")
    item = _item_size(state.get("dtype"))
    if item is None:
        return None
    size = item * math.prod(side for side in shape if isinstance(side, int))
    if size > _MOST_BYTES or any(isinstance(side, int) and side > _MOST_BYTES for side in shape):
        raise Opaque("an array is larger than any file")
    return size


def alignment_of(wrapper: CallResult) -> int | None:
    """Return the alignment of the array in bytes; None for a file by an old joblib without one. Raises Opaque."""
    alignment = _state_of(wrapper).get("numpy_array_alignment_bytes")
    if alignment is not None and type(alignment) is not int:
        raise Opaque("the alignment of an array is not plain")
    return alignment if isinstance(alignment, int) else None


def _state_of(wrapper: CallResult) -> dict[str, object]:
    state = wrapper.states[0] if len(wrapper.states) == 1 and wrapper.arguments == () else None
    if not isinstance(state, Record) or not state.complete or not state.items.keys() <= _ENTRIES:
        raise Opaque("the description of an array is not as joblib writes it")
    # An order may be any object of the file, which a set could not look up.
    subclass, order = state.items.get("subclass"), state.items.get("order")
    if not isinstance(subclass, Global) or subclass.path not in _SUBCLASSES or not _is_order(order):
        raise Opaque("the description of an array is not as joblib writes it")
    return state.items


def _is_order(value: object) -> bool:
    return isinstance(value, str) and value in {"C", "F"}


def _item_size(dtype: object) -> int | None:
    """Return the size of one element; None for Python objects."""
    if not isinstance(dtype, CallResult) or dtype.function.path != "numpy.dtype" or len(dtype.states) != 1:
        raise Opaque("the type of an array is not plain")
    args, state = dtype.arguments, dtype.states[0]
    code = args[0] if isinstance(args, tuple) and args else None
    if not isinstance(code, str) or not isinstance(state, tuple) or len(state) < _STATE_FIELDS:
        raise Opaque("the type of an array is not plain")
    if code in {"O", "O8", "|O"}:
        return None
    return _plain_size(code, state)


def _plain_size(code: str, state: tuple[object, ...]) -> int:
    flags, declared_size = state[_STATE_FLAGS_AT], state[_STATE_SIZE_AT]
    match = _SIZED.fullmatch(code)
    subarray = state[_STATE_SUBARRAY_AT]
    if match is None or subarray is not None or type(flags) is not int or flags & _HAS_OBJECT:
        raise Opaque(f"the array type {code!r} is not read here")
    size = int(match[2]) * (4 if match[1] == "U" else 1)
    if type(declared_size) is not int or declared_size not in {-1, size} or size == 0:
        raise Opaque(f"the array type {code!r} says two sizes")
    return size
