"""A scan ends: its work grows with the file and no faster, and what it may spend is bounded
and named where it refuses.
"""

from __future__ import annotations

import gzip
import io
import time
import zipfile
from collections.abc import Callable

import pytest

from tests.validation.scanning import scan, zipped
from validation.scanning.pickles.walk import walk_pickle

SHAPES: dict[str, Callable[[int], bytes]] = {
    "lists in lists": lambda size: b"]" * size + b"a" * (size - 1) + b".",
    "tuples in tuples": lambda size: b"N" + b"\x85" * size + b".",
    "marks": lambda size: b"(" * size + b"t" * size + b".",
    "a long tuple": lambda size: b"(" + b"N" * size + b"t.",
    "dictionaries": lambda size: b"}" * size + b"NNs" * size + b".",
    "one memo over and over": lambda size: b"]\x94" + b"h\x00" * size + b".",
    "many calls": lambda size: b"cbuiltins\nlist\n\x94" + b"h\x00)R0" * size + b".",
    "many states": lambda size: b"cbuiltins\nlist\n)R" + b"}b" * size + b".",
    "many pickles": lambda size: b"N." * size,
}


def seconds(data: bytes) -> float:
    began = time.process_time()
    walk_pickle(io.BytesIO(data))
    return time.process_time() - began


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_the_work_grows_with_the_file(shape: Callable[[int], bytes]) -> None:
    small = min(seconds(shape(10_000)) for _ in range(3))
    assert seconds(shape(100_000)) < 40 * small + 0.2


def test_a_nested_pickle_of_three_megabytes_takes_seconds() -> None:
    data = SHAPES["lists in lists"](1_500_000)  # with the two opcodes for each, 3 MB
    began = time.process_time()
    assert scan("model.pkl", data).verdict in {"clean", "rejected"}
    assert time.process_time() - began < 20


def test_too_many_instructions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.scanning.report.MAX_STEPS", 100_000)
    assert "instructions" in scan("model.pkl", b"N0" * 100_000 + b"N.").problems[0]


def test_temporary_space_is_bounded() -> None:
    data = gzip.compress(bytes(3_000_000))
    assert "CUSTODY_SCAN_TEMP_BYTES" in scan("a.gz", data, temp_bytes=1_000_000).problems[0]
    packed = zipped({"a.txt": b"x" * 600_000, "b.txt": b"y" * 600_000}, zipfile.ZIP_DEFLATED)
    assert scan("a.zip", packed, temp_bytes=1_000_000).problems == []
    assert scan("a.zip", packed, temp_bytes=500_000).verdict == "rejected"


def test_what_is_stored_as_it_is_takes_no_temporary_space() -> None:
    assert scan("a.zip", zipped({"a.txt": b"x" * 600_000}), temp_bytes=1).problems == []


def test_a_far_place_in_the_memo_is_refused() -> None:
    assert "numbers what it remembers" in scan("m.pkl", b"\x80\x02]r\xff\xff\xff\xff.").problems[0]
