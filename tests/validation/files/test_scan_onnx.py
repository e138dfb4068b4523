"""ONNX and safetensors files: built by hand here, field by field, as their formats say."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.scanning.files import scan_file
from validation.scanning.report import Budget, FileReport


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(data)) + data


def number(at: int, value: int) -> bytes:
    return varint(at << 3) + varint(value)


def node(domain: str = "", *attributes: bytes) -> bytes:
    return (
        field(1, "x")
        + field(4, "Relu")
        + (field(7, domain) if domain else b"")
        + b"".join(field(5, a) for a in attributes)
    )


def tensor(place: str = "") -> bytes:
    entry = field(1, "location") + field(2, place)
    return number(1, 3) + number(2, 1) + field(8, "w") + field(9, b"\x00" * 12) + (field(13, entry) if place else b"")


def model(*nodes: bytes, tensors: tuple[bytes, ...] = (), opsets: tuple[str, ...] = ("",)) -> bytes:
    graph = b"".join(field(1, one) for one in nodes) + b"".join(field(5, one) for one in tensors)
    imports = b"".join(field(8, field(1, domain) + number(2, 17)) for domain in opsets)
    return number(1, 8) + field(2, "pytorch") + field(7, graph) + imports


def scan(data: bytes, name: str = "model.onnx", allow: tuple[str, ...] = ()) -> FileReport:
    return scan_file(name, io.BytesIO(data), Budget(allow=allow))


def test_a_plain_graph_is_clean() -> None:
    found = scan(model(node(), node("ai.onnx.ml"), tensors=(tensor(), tensor("weights.bin"))))
    assert (found.verdict, found.format) == ("clean", "ONNX graph")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (model(node("evil.ops")), "operators of evil.ops need code"),
        (model(node(), opsets=("", "evil.ops")), "evil.ops"),
        (model(node("", field(6, field(1, node("evil.ops"))))), "evil.ops"),
        (model(node(), tensors=(tensor("../../etc/passwd"),)), "outside the model's folder"),
        (model(node(), tensors=(tensor("/etc/passwd"),)), "outside the model's folder"),
        (model(node(), tensors=(tensor("C:\\x"),)), "outside the model's folder"),
        (model(node("", field(5, tensor("..\\x")))), "outside the model's folder"),
        (b"", "no graph"),
        (number(1, 8), "no graph"),
        (model(node())[:-3], "damaged"),
        (field(7, b"\xff" * 20), "damaged"),
        (b"\x3b", "damaged"),
    ],
)
def test_what_is_rejected(data: bytes, words: str) -> None:
    found = scan(data)
    assert found.verdict == "rejected"
    assert words in found.problems[0]


def test_a_domain_may_be_allowed() -> None:
    assert scan(model(node("our.ops")), allow=("our.ops",)).verdict == "clean"


def test_graphs_in_graphs_come_to_an_end() -> None:
    deep = node()
    for _ in range(60):
        deep = node("", field(6, field(1, deep)))
    assert "too deeply" in scan(model(deep)).problems[0]


@given(st.binary(max_size=300))
def test_no_bytes_break_the_walk(data: bytes) -> None:
    assert scan(data).verdict in {"rejected", "clean"}


def safetensors(header: Any, data: bytes) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def entry(start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [start, end]}


@pytest.mark.parametrize(
    ("header", "data", "verdict"),
    [
        ({"a": entry(0, 4), "b": entry(4, 8), "__metadata__": {"format": "pt"}}, b"\x00" * 8, "clean"),
        ({}, b"", "clean"),
        ({"a": entry(0, 4), "b": entry(2, 8)}, b"\x00" * 8, "rejected"),
        ({"a": entry(4, 8)}, b"\x00" * 8, "rejected"),
        ({"a": entry(0, 4)}, b"\x00" * 400, "rejected"),
        ({"a": entry(0, 400)}, b"\x00" * 4, "rejected"),
        ({"a": {"data_offsets": "x"}}, b"", "rejected"),
        ({"a": 1}, b"", "rejected"),
        ([1], b"", "rejected"),
        (b"\x80\x04.", b"", "rejected"),
    ],
)
def test_safetensors(header: Any, data: bytes, verdict: str) -> None:
    assert scan(safetensors(header, data), "model.safetensors").verdict == verdict
