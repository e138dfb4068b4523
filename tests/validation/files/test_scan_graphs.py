"""Graphs of TensorFlow put together field by field, distributions of scipy, and skops: what they may name and hold."""

from __future__ import annotations

import json
import pickle

import pytest

from tests.validation.scanning import scan, zipped


def field(number: int, content: bytes | str) -> bytes:
    """Return a field of bytes of a protobuf message."""
    data = content.encode() if isinstance(content, str) else content
    length, size = b"", len(data)
    while size > 127:
        length += bytes([size & 127 | 128])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + data


def node(name: str, operation: str, *inputs: str, attributes: bytes = b"") -> bytes:
    parts = [field(1, name), field(2, operation), *(field(3, one) for one in inputs)]
    return field(1, b"".join(parts) + (field(5, field(1, "key") + field(2, attributes)) if attributes else b""))


def text(value: str) -> bytes:
    """Return the attribute of a constant that is this text."""
    return field(8, field(8, value))


def function(name: str, argument: str, *nodes: bytes) -> bytes:
    """Return a function of the library with one argument."""
    signature = field(1, name) + field(2, field(1, argument))
    return field(2, field(1, field(1, signature) + b"".join(field(3, each[2:]) for each in nodes)))


def saved_model(*parts: bytes, more: bytes = b"") -> bytes:
    return field(2, field(2, b"".join(parts)) + more)


def problems(data: bytes) -> list[str]:
    return scan("saved_model.pb", data).problems


def asset(filename: str) -> bytes:
    return field(6, field(1, field(1, "path:0")) + field(2, filename))


def test_a_graph_that_only_computes_passes() -> None:
    unread = b"\x08\x01" + bytes([1 << 3 | 5]) + bytes(4)  # fields that are no bytes
    data = saved_model(node("x", "Placeholder"), node("y", "Identity", "x"), more=unread)
    assert problems(data) == []


def test_an_asset_outside_the_folder_is_refused() -> None:
    data = saved_model(node("x", "Placeholder"), more=asset("../../etc/passwd"))
    assert problems(data) == ["its asset '../../etc/passwd' lies outside the model's folder"]


@pytest.mark.parametrize(
    ("default", "refused"),
    [(text("part"), False), (text("/etc/passwd"), True), (field(8, field(4, b"/etc/passwd")), True)],
)
def test_a_placeholder_may_have_a_harmless_default(default: bytes, refused: bool) -> None:
    data = saved_model(
        node("default", "Const", attributes=default),
        node("name", "PlaceholderWithDefault", "default:0"),
        node("read", "RestoreV2", "name"),
    )
    assert bool(problems(data)) is refused


def test_a_placeholder_without_its_default_is_refused() -> None:
    data = saved_model(node("name", "PlaceholderWithDefault"), node("read", "RestoreV2", "name"))
    assert problems(data) == ["its operation RestoreV2 opens a file that the graph names"]


def test_a_description_by_keras_in_a_graph_is_read() -> None:
    evil = json.dumps({"class_name": "Lambda", "config": {}})
    objects = field(7, field(1, field(4, field(3, evil))) + b"\x10\x01")
    data = saved_model(node("x", "Placeholder"), more=objects)
    assert problems(data) == ["it builds a Lambda, which can run code of the model's own"]


@pytest.mark.parametrize(
    ("layer", "refused"), [("Dense", []), ("Lambda", ["it builds a Lambda, which can run code of the model's own"])]
)
def test_the_metadata_of_keras_is_read(layer: str, refused: list[str]) -> None:
    described = json.dumps({"class_name": layer, "config": {}})
    found = scan("keras_metadata.pb", field(1, field(5, described) + field(1, "root")) + b"\x10\x01")
    assert (found.format, found.problems) == ("Keras metadata", refused)


@pytest.mark.parametrize("data", [b"\x00", b"\x0f", b"\x0a\x05ab", b"\x0a", b"\x0d\x01", b"\x80" * 11])
@pytest.mark.parametrize(
    ("name", "label"), [("keras_metadata.pb", "Keras metadata"), ("fingerprint.pb", "a fingerprint")]
)
def test_a_damaged_message_is_refused(name: str, label: str, data: bytes) -> None:
    assert scan(name, data).problems == [f"as {label} it is damaged"]


def test_a_fingerprint_with_a_long_value_is_refused() -> None:
    assert scan("fingerprint.pb", field(1, b"x" * 100) + b"\x10\x01").problems == []
    assert scan("fingerprint.pb", field(1, b"x" * 5000)).problems == ["as a fingerprint it is damaged"]


# --- scipy's distributions -------------------------------------------------------------------------------------------

# The text that scipy makes for the normal distribution, and executes.
OWN = """
def _parse_args(self,  loc=0, scale=1):
    return (), loc, scale

def _parse_args_rvs(self,  loc=0, scale=1, size=None):
    return self._argcheck_rvs( loc, scale, size=size)

def _parse_args_stats(self,  loc=0, scale=1, moments='mv'):
    return (), loc, scale, moments
"""
DISTRIBUTION = ("scipy.stats._continuous_distns", "norm_gen")


def pickled(state: object) -> bytes:
    """Return a pickle of a distribution with a state."""
    module, name = DISTRIBUTION
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81" + pickle.dumps(state, 2)[2:-1] + b"b."


def test_a_distribution_with_the_text_that_scipy_makes_passes() -> None:
    assert scan("model.pkl", pickled({"_parse_arg_template": OWN, "name": "norm"})).problems == []


@pytest.mark.parametrize(
    "state", [{"_parse_arg_template": OWN + "import os\n"}, {"_parse_arg_template": 3}, {"name": "norm"}, ("x",)]
)
def test_a_distribution_with_a_text_of_its_own_is_refused(state: object) -> None:
    (problem,) = scan("model.pkl", pickled(state)).problems
    assert "it fills a scipy.stats._continuous_distns.norm_gen with a source text of its own" in problem


# --- skops -----------------------------------------------------------------------------------------------------------


def skops(schema: object) -> list[str]:
    data = schema if isinstance(schema, bytes) else json.dumps(schema).encode()
    return scan("model.skops", zipped({"schema.json": data})).problems


def of_distribution(template: object) -> dict[str, object]:
    module, name = DISTRIBUTION
    state = {
        "_parse_arg_template": {"__loader__": "JsonNode", "content": json.dumps(template)},
        "shapes": {"__loader__": "JsonNode", "content": "{"},
        "badvalue": {"__loader__": "DictNode", "content": {}},
    }
    content = {"__loader__": "DictNode", "content": state}
    return {"__loader__": "ObjectNode", "__module__": module, "__class__": name, "content": content}


def test_a_distribution_in_skops_may_only_have_the_text_of_scipy() -> None:
    assert skops(of_distribution(OWN)) == []
    why = "it fills a scipy.stats._continuous_distns.norm_gen with a source text of its own"
    assert any(why in problem for problem in skops(of_distribution("import os")))
    assert any(why in problem for problem in skops({**of_distribution(OWN), "content": []}))


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (b"{", "its schema is not JSON"),
        (b"[" * 100_000, "its schema is not JSON"),
        ([], "its schema is too large, or none"),
        ({"__loader__": 3}, "it holds a node whose loader is no text"),
        ({"__loader__": "MethodNode"}, "it holds a MethodNode, which can reach more than its class"),
        (
            {"a": {"__id__": 1, "content": "x"}, "b": {"__id__": 1, "content": "y"}},
            "it gives two objects one id",
        ),
        ({"__loader__": "RandomGeneratorNode"}, "it has a generator of random numbers that does not say which"),
        (
            {
                "__loader__": "RandomGeneratorNode",
                "content": {
                    "bit_generator": {
                        "__loader__": "DictNode",
                        "content": {"bit_generator": {"__loader__": "JsonNode", "content": "{"}},
                    }
                },
            },
            "it has a generator of random numbers that does not say which",
        ),
    ],
)
def test_a_schema_that_is_refused(schema: object, why: str) -> None:
    assert any(why in problem for problem in skops(schema))
