"""Files that would have numpy read any memory, or a name used in a way no pickler writes: each is refused, and honest
uses pass.
"""

from __future__ import annotations

import json
import pickle

import pytest

from tests.validation.scanning import scan, zipped


def named(module: str, name: str) -> bytes:
    return b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)]) + name.encode() + b"\x93"


ARRAY = named("numpy", "ndarray")
PARTIAL = named("functools", "partial")
BOOSTER = named("xgboost.core", "Booster")
RECONSTRUCT = named("numpy._core.multiarray", "_reconstruct")
RECONSTRUCTOR, OBJECT = named("copyreg", "_reconstructor"), named("builtins", "object")
SPACE, ARRAY_OF = named("types", "SimpleNamespace"), named("numpy", "asarray")
POINTERS = b"(K\x01\x85\x8c\x01OC\x08AAAAAAAAt"
INTERFACE = b"\x8c\x13__array_interface__"
USED_TWICE = RECONSTRUCTOR + BOOSTER + OBJECT + b"N\x87\x94R0" + RECONSTRUCTOR + b"h\x00R0"

TRIES = {
    "an array of pointers out of bytes": ARRAY + POINTERS + b"R.",
    "the same by NEWOBJ": ARRAY + POINTERS + b"\x81.",
    "the same by NEWOBJ_EX": ARRAY + b")}\x8c\x05shapeK\x01\x85s\x92.",
    "the same by OBJ": b"(" + ARRAY + b"K\x01\x85\x8c\x01OC\x08AAAAAAAAo.",
    "the same by INST": b"(K\x01\x85\x8c\x01OC\x08AAAAAAAAinumpy\nndarray\n.",
    "the same later": PARTIAL + ARRAY + b"\x85R.",
    "the same as a state": named("sklearn.preprocessing._function_transformer", "FunctionTransformer")
    + b")\x81}\x8c\x04func"
    + ARRAY
    + b"sb.",
    "getattr after a tuple used twice": USED_TWICE + PARTIAL + named("builtins", "getattr") + b"\x85R.",
    "getattr after a tuple doubled": RECONSTRUCTOR
    + BOOSTER
    + OBJECT
    + b"N\x872\x94R0"
    + PARTIAL
    + named("builtins", "getattr")
    + b"\x85R.",
    "an array type used twice": RECONSTRUCT
    + ARRAY
    + b"K\x00\x85C\x01b\x87\x94R0"
    + RECONSTRUCT
    + b"h\x00R0"
    + PARTIAL
    + ARRAY
    + b"\x85R.",
    "an address in memory": SPACE + b")R}" + INTERFACE + b"}sb.",
    "an address, escaped": SPACE + b")R}S'\\x5f_array_interface__'\n}sb.",
    "an address, escaped otherwise": SPACE + b")R}V\\u005f_array_interface__\n}sb.",
    "an address, spelled by a codec": SPACE
    + b")R}"
    + named("_codecs", "encode")
    + b"\x8c\x13__neenl_vagresnpr__\x8c\x05rot13\x86R}sb.",
    "an address, spelled by str": SPACE
    + b")R}"
    + named("builtins", "str")
    + b"C\x13__array_interface__\x8c\x05ascii\x86R}sb.",
    "an address, as a dictionary of pairs": SPACE + b")R" + named("builtins", "dict") + b"]\x85Rb.",
    "a call of numpy": ARRAY_OF + b"]\x85R.",
    "a call of a ufunc": named("numpy", "add") + b"K\x01K\x02\x86R.",
    "much memory": named("numpy", "zeros") + b"\x8a\x06\x00\x00\x00\x00\x00\x10\x85R.",
    "a call of scipy": named("scipy.special._ufuncs", "expit") + b"K\x01\x85R.",
    "a call of sorted": named("builtins", "sorted") + b"]\x85R.",
}


@pytest.mark.parametrize("what", TRIES)
@pytest.mark.parametrize("name", ["model.pkl", "model.bin"])
def test_it_is_refused(what: str, name: str) -> None:
    assert scan(name, b"\x80\x04" + TRIES[what]).problems


HELD = {
    "an array": RECONSTRUCT + ARRAY + b"K\x00\x85C\x01b\x87R.",
    "two arrays": b"(" + 2 * (RECONSTRUCT + ARRAY + b"K\x00\x85C\x01b\x87R") + b"l.",
    "a function that the model calls": named("sklearn.preprocessing._function_transformer", "FunctionTransformer")
    + b")\x81}\x8c\x04func"
    + named("numpy", "log1p")
    + b"sb.",
    "a function with arguments": PARTIAL + named("numpy", "clip") + b"\x85R.",
    "bytes of protocol 2": pickle.dumps({b"a": b"\xff\x00"}, protocol=2)[2:],
    "a text with an escape": b"S'a\\x41'\n.",
}


@pytest.mark.parametrize("what", HELD)
def test_it_passes(what: str) -> None:
    assert scan("model.pkl", b"\x80\x04" + HELD[what]).problems == []


def node(loader: str, module: str, name: str, **more: object) -> dict[str, object]:
    return {"__loader__": loader, "__module__": module, "__class__": name, "__id__": 1, **more}


@pytest.mark.parametrize(
    "schema",
    [
        node("ConstructorFromReduceNode", "numpy", "ndarray", content=[]),
        node("TypeNode", "numpy", "ndarray"),
        node("ConstructorFromReduceNode", "numpy", "zeros", content=[]),
        node("ObjectNode", "types", "SimpleNamespace", content={"content": {"__array_interface__": 1}}),
        node("JsonNode", "builtins", "str", content='"\\u005f_array_interface__"'),
    ],
)
def test_the_same_in_skops(schema: dict[str, object]) -> None:
    assert scan("model.skops", zipped({"schema.json": json.dumps(schema).encode()})).problems


def test_a_function_in_skops_passes() -> None:
    schema = json.dumps(node("FunctionNode", "numpy", "log1p")).encode()
    assert scan("model.skops", zipped({"schema.json": schema})).problems == []
