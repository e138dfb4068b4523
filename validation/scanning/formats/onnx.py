"""Scan of ONNX files. The graph is read without loading it, and without the ONNX library.

A graph is data, with three exceptions. Operators of an unknown domain need a library of code beside the model. Some
operators of onnxruntime open a file or call Python. Tensors can be in other files, whose paths must not lead out of the
model's folder (onnx/onnx GHSA-xrhp-6hfh-3vqr). Weights are skipped, not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO

from validation.scanning.formats.protobuf import BYTES, Message
from validation.scanning.paths import is_plain_path
from validation.scanning.report import Budget, FileReport, Unsafe

# Domains whose operators are part of onnxruntime or of the ONNX standard.
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
    }
)
# Operators that load a compiled graph from a path, or call Python or PyTorch.
_ACTING = frozenset({"ATen", "EPContext", "PythonOp", "PythonOpGrad", "Snpe", "TRTEngine", "TorchEmbedding_PythonOp"})
_MAX_DEPTH = 40

# The messages that are read inside a message, by kind: field number → kind of the inner message.
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
# The texts that are read: operator and domain of a node, domain of an operator set, location of a tensor (key, value).
_TEXTS = {(_NODE, 4): "op", (_NODE, 7): "domain", (_OPSET, 1): "domain", (_ENTRY, 1): "key", (_ENTRY, 2): "value"}


def scan_onnx(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan an ONNX model. Raises Unsafe for a damaged file, and for one without a graph."""
    walk = _Walk(Message(stream, budget, "an ONNX file"))
    walk.message(_MODEL, walk.source.fields(), depth=0)
    if not walk.has_graph:
        raise Unsafe("it is named .onnx and holds no graph")
    report.format = "ONNX graph"
    if foreign := sorted(walk.domains - KNOWN_DOMAINS - set(budget.allow)):
        report.refuse(f"its operators of {', '.join(foreign[:10])} need code beside the model"[:1000])
    if acting := sorted(walk.operators & _ACTING - set(budget.allow)):
        report.refuse(f"its operator {acting[0]} opens a file, or calls code outside the graph")
    folder = PurePosixPath(report.name).parent
    for location in sorted(walk.locations):
        if not is_plain_path(location):
            report.refuse(f"it keeps a tensor outside the model's folder, at {location!r}"[:300])
        else:
            report.data_files.add(str(folder / location))


class _Walk:
    """Reads the messages of a model, and skips fields that are in neither _INSIDE nor _TEXTS."""

    def __init__(self, source: Message) -> None:
        self.source = source
        self.domains: set[str] = set()
        self.operators: set[str] = set()
        self.locations: set[str] = set()
        self.has_graph = False

    def message(self, kind: int, fields: Iterator[tuple[int, int, int]], *, depth: int) -> None:
        """Read the fields of a message of this kind. Raises Unsafe for graphs that are nested too deeply."""
        if depth > _MAX_DEPTH:
            raise Unsafe("its graphs lie too deeply in one another")
        entry: dict[str, str] = {}
        for number, wire, size in fields:
            if wire != BYTES:
                continue
            inside = _INSIDE.get(kind, {}).get(number)
            if text := _TEXTS.get((kind, number)):
                entry[text] = self.source.text(size)
            elif inside is not None:
                self.has_graph |= kind == _MODEL and inside == _GRAPH
                self.message(inside, self.source.inside(size), depth=depth + 1)
        self._note(entry)

    def _note(self, entry: dict[str, str]) -> None:
        if "domain" in entry:
            self.domains.add(entry["domain"])
        if "op" in entry:
            self.operators.add(entry["op"])
        if entry.get("key") == "location":
            self.locations.add(entry.get("value", ""))
