"""One file, judged: what it is, and whether loading it could run code that nobody allowed.

A file is `clean` (known, and only data or allowed classes), `rejected`, or `not recognised`. Not recognised files are
listed and let through: nothing here loads them, and no loader of MLflow's runs code from a format that is not in the lists
of this package. What looks like code, or is of a format that can carry code and is not looked into, is rejected.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO

from validation.scanning import archives, formats, pickles, texts
from validation.scanning.onnx import scan_onnx
from validation.scanning.report import MAX_DEPTH, Budget, Found, Unsafe

_Scan = Callable[[Found, BinaryIO, Budget], None]

_BY_NAME: dict[str, _Scan] = {
    "MLmodel": texts.scan_mlmodel,
    "requirements.txt": texts.scan_requirements,
    "conda.yaml": texts.scan_environment,
    "python_env.yaml": texts.scan_environment,
}
_MAX_SAFETENSORS_HEADER = 100_000_000


def scan_file(name: str, stream: BinaryIO, budget: Budget) -> Found:
    """Return what one file is and what speaks against it. The stream must be seekable; nothing in it is run."""
    found = Found(name=name)
    _judge(found, stream, budget, depth=0)
    return found


def _judge(found: Found, stream: BinaryIO, budget: Budget, *, depth: int, torch: bool = False) -> None:
    if depth > MAX_DEPTH:
        found.problems.append("it is packed into itself too deeply")
        return
    try:
        _look(found, stream, budget, depth=depth, torch=torch)
    except Unsafe as error:
        found.problems.append(str(error))


def _look(found: Found, stream: BinaryIO, budget: Budget, *, depth: int, torch: bool) -> None:
    head = stream.read(formats.HEAD)
    stream.seek(0)
    if (code := formats.code_in(head, found.name)) and not budget.allow_code:
        raise Unsafe(f"it is {code}; a model is data")
    if formats.is_zip(head):
        _look_into_zip(found, stream, budget, depth)
    elif kind := formats.compression_of(head, found.name):
        archives.scan_compressed(found, stream, kind, budget, _inner(budget, depth, torch=False))
    elif formats.is_marked_pickle(head) or formats.suffix_of(found.name) in formats.PICKLE_SUFFIXES:
        pickles.scan_pickle(found, stream, budget, persistent=torch)
    elif head.startswith(pickles.NPY_MAGIC):
        pickles.scan_npy(found, stream, budget)
    elif opaque := formats.opaque_in(head, found.name):
        raise Unsafe(f"{opaque} files can carry code and are not looked into")
    else:
        _look_at_the_rest(found, stream, budget)


def _look_at_the_rest(found: Found, stream: BinaryIO, budget: Budget) -> None:
    """Judge by name what has no mark of its own, after making sure that it is no pickle of protocol 0 or 1."""
    if pickles.acts_like_pickle(stream):
        stream.seek(0)
        pickles.scan_pickle(found, stream, budget)
        return
    stream.seek(0)
    suffix = formats.suffix_of(found.name)
    if scan := _BY_NAME.get(PurePosixPath(found.name).name):
        scan(found, stream, budget)
    elif suffix in formats.ZIP_SUFFIXES:
        raise Unsafe(f"it is named {suffix} and is no zip file")
    elif suffix == ".safetensors":
        _scan_safetensors(found, stream)
    elif suffix == ".onnx":
        scan_onnx(found, stream, budget)
    else:
        found.format = formats.DATA_SUFFIXES.get(suffix, "")


def _look_into_zip(found: Found, stream: BinaryIO, budget: Budget, depth: int) -> None:
    if formats.suffix_of(found.name) in formats.OPAQUE_SUFFIXES:
        raise Unsafe(f"{formats.suffix_of(found.name)} files can carry code and are not looked into")
    torch = _is_torch(stream)
    names = archives.scan_zip(found, stream, budget, _inner(budget, depth, torch=torch))
    if torch:
        found.format = "PyTorch"
    elif "schema.json" in names:
        found.format = "skops"
    elif formats.suffix_of(found.name) == ".npz":
        found.format = "numpy arrays"


def _inner(budget: Budget, depth: int, *, torch: bool) -> archives.Inner:
    """Return what judges a member of an archive at this depth."""

    def judge(part: Found, stream: BinaryIO) -> None:
        if part.name == "schema.json":
            try:
                texts.scan_skops_schema(part, stream, budget)
            except Unsafe as error:
                part.problems.append(str(error))
            return
        _judge(part, stream, budget, depth=depth + 1, torch=torch and part.name.endswith("/data.pkl"))

    return judge


def _is_torch(stream: BinaryIO) -> bool:
    """Return whether a zip file is PyTorch's: only there may a pickle refer to storages beside it."""
    start = stream.read(4096)
    stream.seek(0)
    return b"/data.pkl" in start


def _scan_safetensors(found: Found, stream: BinaryIO) -> None:
    """Check the header: names with type, shape and a place in what follows, the places next to one another to the end."""
    whole = stream.seek(0, 2)
    stream.seek(0)
    length = int.from_bytes(stream.read(8), "little")
    if not 0 < length <= min(_MAX_SAFETENSORS_HEADER, whole - 8):
        raise Unsafe("its header is not that of safetensors")
    try:
        header = json.loads(stream.read(length))
        places = sorted(tuple(entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__")
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        raise Unsafe("its header is not that of safetensors") from error
    reached = 0
    for place in places:
        if len(place) != 2 or place[0] != reached or not isinstance(place[1], int) or place[1] < reached:  # noqa: PLR2004 - from, to
            raise Unsafe("its header is not that of safetensors: tensors overlap or leave gaps")
        reached = place[1]
    if reached != whole - 8 - length:
        raise Unsafe("its header is not that of safetensors: something lies behind the tensors")
    found.format = "safetensors"
