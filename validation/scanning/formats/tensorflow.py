"""Scan of TensorFlow SavedModels. A graph may only compute.

Operations are allowed by name (tensorflow_operations.txt). Every SavedModel also has operations that read and write
files: its functions that save and restore variables, and tables that are filled from an asset. These are allowed if the
loader gives the name of the file as an argument, and the graph itself does not name a file.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from validation.scanning.formats.protobuf import BYTES, Message
from validation.scanning.formats.tensorflow_files import OPENING, problems_of_files
from validation.scanning.formats.tensorflow_graph import read_saved_model
from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.text.json_files import problems_of_document

_LIST = Path(__file__).parent / "tensorflow_operations.txt"
_FOOTER = (0xDB4775248B80FB57).to_bytes(8, "little")
_MAX_FINGERPRINT = 4096
_MAX_LISTED = 10


@cache
def _computing_operations() -> frozenset[str]:
    lines = _LIST.read_text(encoding="utf-8").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


def scan_saved_model(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan a saved_model.pb. Raises Unsafe for a damaged file, and for one without a graph."""
    model = read_saved_model(Message(stream, budget, "a SavedModel"))
    if not model.metagraphs:
        raise Unsafe("it is named as a SavedModel and holds no graph")
    report.format = "TensorFlow SavedModel"
    used = {node.operation for graph in model.graphs for node in graph.nodes.values()}
    refused = sorted(used - _computing_operations() - OPENING - set(budget.allow))
    if refused:
        report.refuse(f"its operations {', '.join(refused[:_MAX_LISTED])} may do more than compute"[:1000])
    for problem in problems_of_files(model):
        report.refuse(problem[:1000])
    for text in model.metadata:
        for problem in problems_of_document(text.encode(), budget) or []:
            report.refuse(problem[:1000])


def scan_keras_metadata(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan a keras_metadata.pb, which has Keras's description of each object. Raises Unsafe for a damaged file."""
    message = Message(stream, budget, "Keras metadata")
    for number, wire, size in message.fields():
        if number == 1 and wire == BYTES:
            for inner, inner_wire, inner_size in message.inside(size):
                if inner == 5 and inner_wire == BYTES:  # noqa: PLR2004 - SavedObject.metadata
                    for problem in problems_of_document(message.data(inner_size, 1 << 24), budget) or []:
                        report.refuse(problem[:1000])
    report.format = "Keras metadata"


def scan_fingerprint(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan a fingerprint.pb, which has a few numbers. Raises Unsafe for a damaged file."""
    message = Message(stream, budget, "a fingerprint")
    sizes = [size for _, wire, size in message.fields() if wire == BYTES]
    if any(size > _MAX_FINGERPRINT for size in sizes):
        raise message.damaged()
    report.format = "fingerprint"


def is_index(stream: BinaryIO) -> bool:
    """Return whether a file ends as the index of a TensorFlow checkpoint does."""
    stream.seek(-min(len(_FOOTER), stream.seek(0, 2)), 2)
    is_footer = stream.read() == _FOOTER
    stream.seek(0)
    return is_footer


def scan_index(report: FileReport) -> None:
    """Scan the index of a checkpoint: the shards beside it are its data, the bytes of tensors."""
    report.format = "TensorFlow index"
    report.data_patterns.add((str(PurePosixPath(report.name).with_suffix("")), r"\.data-\d{5}-of-\d{5}"))
