"""ONNX files: the graph is walked without loading it, and without a library for it.

A graph is data, but for two things. Operators of a domain that no runtime knows need a library of code beside the model. And
tensors may lie in other files, named by a path, which must not lead out of the model's folder (onnx/onnx GHSA-xrhp-6hfh-3vqr).
The format is Protocol Buffers (ONNX IR, onnx.proto): fields with a number and a wire type. Weights are skipped, not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from validation.scanning.report import Budget, FileReport, Unsafe

# Domains whose operators come with onnxruntime or the ONNX standard itself.
KNOWN_DOMAINS = frozenset(
    {
        "",
        "ai.onnx",
        "ai.onnx.ml",
        "ai.onnx.training",
        "ai.onnx.preview.training",
        "com.microsoft",
        "com.microsoft.nchwc",
        "com.microsoft.experimental",
        "com.ms.internal.nhwc",
        "org.pytorch.aten",
    }
)
_MAX_DEPTH = 40
_MAX_FIELDS = 20_000_000
_MAX_TEXT = 10_000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_MAX_VARINT = 10
_FIXED = {_FIXED64: 8, _FIXED32: 4}

# What is looked into, by kind of message: field number → kind of what lies in it.
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _TENSOR, _OPSET, _FUNCTION, _ENTRY, _SPARSE, _TRAINING = range(10)
_INSIDE: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 8: _OPSET, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 15: _SPARSE},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH, 22: _SPARSE, 23: _SPARSE},
    _TENSOR: {13: _ENTRY},
    _SPARSE: {1: _TENSOR, 2: _TENSOR},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _FUNCTION: {7: _NODE, 9: _OPSET, 11: _ATTRIBUTE},
}
# Texts that are read: the domain of a node or an imported operator set, key and value of where a tensor lies.
_TEXTS = {(_NODE, 7): "domain", (_OPSET, 1): "domain", (_ENTRY, 1): "key", (_ENTRY, 2): "value"}


def scan_onnx(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Judge an ONNX model; Unsafe where it is none."""
    end = stream.seek(0, 2)
    stream.seek(0)
    walk = _Walk(stream, budget)
    walk.message(_MODEL, end, depth=0)
    if not walk.has_graph:
        raise Unsafe("it is named .onnx and holds no graph")
    report.format = "ONNX graph"
    foreign = sorted(walk.domains - KNOWN_DOMAINS - set(budget.allow))
    if foreign:
        report.problems.append(f"its operators of {', '.join(foreign[:10])} need code beside the model"[:1000])
    report.problems += [
        f"it keeps a tensor outside the model's folder, at {place!r}"[:300] for place in walk.outside[:10]
    ]


class _Walk:
    """Reads fields one after the other; what is not looked into is passed over."""

    def __init__(self, stream: BinaryIO, budget: Budget) -> None:
        self._stream, self._budget = stream, budget
        self._fields = 0
        self.domains: set[str] = set()
        self.outside: list[str] = []
        self.has_graph = False

    def message(self, kind: int, end: int, *, depth: int) -> None:
        """Read a message that ends at a place of the stream."""
        if depth > _MAX_DEPTH:
            raise Unsafe("its graphs lie too deeply in one another")
        said: dict[str, str] = {}
        for number, size in self._fields_until(end):
            after = self._stream.tell() + size
            inside = _INSIDE.get(kind, {}).get(number)
            if text := _TEXTS.get((kind, number)):
                said[text] = self._text(size)
            elif inside is not None:
                self.has_graph |= kind == _MODEL and inside == _GRAPH
                self.message(inside, after, depth=depth + 1)
            self._stream.seek(after)
        if "domain" in said:
            self.domains.add(said["domain"])
        if said.get("key") == "location":
            self._place(said.get("value", ""))

    def _fields_until(self, end: int) -> Iterator[tuple[int, int]]:
        """Yield (field number, length) of each field that has a length; others are passed over."""
        while self._stream.tell() < end:
            self._count()
            tag = self._varint()
            number, wire = tag >> 3, tag & 7
            if wire == _VARINT:
                self._varint()
            elif wire in _FIXED:
                self._stream.seek(_FIXED[wire], 1)
            else:
                size = self._varint() if wire == _BYTES else end  # groups are of another age, and in no ONNX file
                if self._stream.tell() + size > end:
                    raise Unsafe("as an ONNX file it is damaged")
                yield number, size
        if self._stream.tell() != end:
            raise Unsafe("as an ONNX file it is damaged")

    def _count(self) -> None:
        self._fields += 1
        if self._fields > _MAX_FIELDS:
            raise Unsafe("it has too many parts to be looked at")
        if self._fields % 10_000 == 0:
            self._budget.tick()

    def _varint(self) -> int:
        value = 0
        for place in range(_MAX_VARINT):
            byte = self._stream.read(1)
            if not byte:
                raise Unsafe("as an ONNX file it is damaged")
            value |= (byte[0] & 0x7F) << (7 * place)
            if byte[0] < 0x80:  # noqa: PLR2004 - the continuation bit
                return value
        raise Unsafe("as an ONNX file it is damaged")

    def _text(self, size: int) -> str:
        if size > _MAX_TEXT:
            raise Unsafe("as an ONNX file it is damaged")
        return self._stream.read(size).decode("utf-8", "replace")

    def _place(self, place: str) -> None:
        path = PurePosixPath(place.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in place or not place.strip():
            self.outside.append(place)
