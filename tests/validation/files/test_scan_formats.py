"""Binary formats byte by byte: what passes as which format, and what is refused with which reason."""

from __future__ import annotations

import struct

import pytest

from tests.validation.scanning import SYSTEM, scan, zipped

EVIL = "{{ ''.__class__.__mro__ }}"  # a template that reaches into objects


def gguf(*entries: tuple[str, int, bytes], version: int = 3) -> bytes:
    """Return a GGUF file with these entries: key, kind and content."""
    head = b"GGUF" + struct.pack("<IQQ", version, 0, len(entries))
    packed = (
        struct.pack("<Q", len(key)) + key.encode() + struct.pack("<I", kind) + data for key, kind, data in entries
    )
    return head + b"".join(packed)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def array(kind: int, *items: bytes) -> bytes:
    return struct.pack("<IQ", kind, len(items)) + b"".join(items)


def test_a_gguf_file_with_every_kind_of_value_passes() -> None:
    entries = [
        ("general.name", 8, text("llama")),
        ("tokenizer.chat_template", 8, text("{{ messages }}" * 200)),
        ("sizes", 9, array(4, bytes(4), bytes(4))),
        ("tokens", 9, array(8, text("a"), text("b"))),
        ("nested", 9, array(9, array(0, b"x"), array(8, text("c")))),
        ("scale", 6, bytes(4)),
    ]
    found = scan("model.gguf", gguf(*entries))
    assert (found.verdict, found.format, found.problems) == ("clean", "GGUF weights", [])


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gguf(("tokenizer.chat_template", 8, text(EVIL))), "its chat template reaches into Python's own objects"),
        (gguf(("chat_template.all", 9, array(8, text("x"), text(EVIL)))), "its chat template reaches into Python's"),
        (
            gguf(("template", 8, struct.pack("<Q", 1 << 21))),
            "its chat template reaches into Python's own objects, or is",
        ),
        (gguf(version=1), "as a GGUF file it is damaged, or of a version that is not read here"),
        (gguf(("a", 13, b"")), "as a GGUF file it is damaged"),
        (gguf(("a", 9, array(9, array(9, array(9, array(0, b"x")))))), "as a GGUF file it is damaged"),
        (gguf(("a", 8, text("cut off")))[:-3], "as a GGUF file it is damaged"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 200_000), "as a GGUF file it is damaged, or of a version"),
    ],
)
def test_a_gguf_file_that_is_refused(data: bytes, why: str) -> None:
    found = scan("model.gguf", data)
    assert found.verdict == "rejected"
    assert found.problems[0].startswith(why)


# --- MessagePack -----------------------------------------------------------------------------------------------------


def test_a_messagepack_file_with_every_kind_of_value_passes() -> None:
    values = [
        *(b"\xc0", b"\xc3", b"\xca" + bytes(4), b"\xcf" + bytes(8), b"\xd3" + bytes(8), b"\xe0", b"\x05"),
        *(b"\xc4\x02ab", b"\xd9\x01a", b"\xda\x00\x01a", b"\xdb\x00\x00\x00\x01a", b"\xa1a"),
        *(b"\xc7\x01\x05x", b"\xc8\x00\x01\x05x", b"\xd4\x05x"),
        *(b"\xdc\x00\x01\x01", b"\xdd\x00\x00\x00\x01\x01", b"\x91\x01"),
        *(b"\xde\x00\x01\xa1k\x01", b"\xdf\x00\x00\x00\x01\xa1k\x01", b"\x81\xa1k\x01"),
    ]
    data = b"\xdc" + struct.pack(">H", len(values)) + b"".join(values)
    found = scan("vocab.msgpack", data)
    assert (found.verdict, found.format, found.problems) == ("clean", "MessagePack", [])


OBJECTS = b"\x82\xa2nd\xc3\xa4kind\xa1O"


@pytest.mark.parametrize("data", [OBJECTS, b"\x91" + OBJECTS, b"\x81\xa1k" + OBJECTS, b"\xdc\x00\x02\x01" + OBJECTS])
def test_an_array_of_objects_in_messagepack_is_refused(data: bytes) -> None:
    found = scan("vocab.msgpack", data)
    assert found.problems == ["it holds an array of objects, which loading it unpickles"]


def test_a_pickle_in_messagepack_is_refused() -> None:
    found = scan("vocab.msgpack", b"\x91\xc4" + bytes([len(SYSTEM)]) + SYSTEM)
    assert found.verdict == "rejected"
    assert "a value in it: " in found.problems[0]


@pytest.mark.parametrize("data", [b"\x91\xc1", b"\x91" * 102 + b"\x01", b"\x92\x01", b"\x91\x01\x01"])
def test_what_is_no_messagepack_is_of_an_unknown_format(data: bytes) -> None:
    found = scan("vocab.msgpack", data)
    assert (found.verdict, found.format) == ("rejected", "")


# --- UBJSON ----------------------------------------------------------------------------------------------------------


def ubjson(more: bytes) -> bytes:
    return b"{U\x07learner" + more + b"U\x07version[i\x01i\x02i\x00]}"


@pytest.mark.parametrize(
    "more",
    [b"{}", b"[$U#U\x02ab", b"[#U\x02TF", b"SU\x01a", b"D" + bytes(8), b"[Z[]]", b"HI\x00\x031.5", b"l" + bytes(4)],
)
def test_an_xgboost_model_passes(more: bytes) -> None:
    assert scan("model.ubj", ubjson(more)).format == "XGBoost model"


@pytest.mark.parametrize(
    "data",
    [
        ubjson(b"?"),
        ubjson(b"[$S#U\x01a"),
        ubjson(b"[$U!U\x01a"),
        ubjson(b"SZ"),
        ubjson(b"Si\xff"),
        ubjson(b"[" * 102),
        ubjson(b"{}") + b"more",
        ubjson(b"{}")[:-3],
        b"{U\x01a{}}",
    ],
)
def test_what_is_no_xgboost_model_is_refused_under_its_name(data: bytes) -> None:
    found = scan("model.ubj", data)
    assert found.problems == ["it is named .ubj and is of another format"]


# --- numpy -----------------------------------------------------------------------------------------------------------


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    width = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(width, len(header)) + header.encode() + data


def header(descr: object, shape: object = (2,)) -> str:
    return repr({"descr": descr, "fortran_order": False, "shape": shape})


@pytest.mark.parametrize(
    ("descr", "size"),
    [
        ("<f8", 8),
        ("|b1", 1),
        ("?", 1),
        ("<U3", 12),
        ("<M8[ns]", 8),
        ([("a", "<f8"), ("b", "<i4", (2,))], 16),
        ([("inner", [("a", "|u1")])], 1),
    ],
)
@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_array_of_numbers_passes(descr: object, size: int, version: int) -> None:
    data = npy(header(descr), bytes(2 * size), version)
    assert (scan("a.npy", data).verdict, scan("a.npy", data).format) == ("clean", "numpy array")
    assert scan("a.npy", data + b"x").problems == ["as a numpy file it is cut short, or something follows the array"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x93NUMPY", "its header is not that of a numpy file"),
        (b"\x93NUMPY\x09\x00", "its header is not that of a numpy file"),
        (npy("{", version=2), "its header is not that of a numpy file"),
        (npy("[1]"), "its header is not that of a numpy file"),
        (npy(header("<f8", [2])), "its header is not that of a numpy file"),
        (npy(header("<f8", (-1,))), "its header is not that of a numpy file"),
        (b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 21), "its header is too long"),
        (npy(header(8)), "its header names an unknown type"),
        (npy(header([("a",)])), "its header names an unknown type"),
        (npy(header(["ab"])), "its header names an unknown type"),
        (npy(header([("a", "<f8", (-1,))])), "its header names an unknown type"),
        (npy(header("<x8")), "its header names an unknown type ('<x8')"),
    ],
)
def test_a_numpy_file_with_another_header_is_refused(data: bytes, why: str) -> None:
    assert scan("a.npy", data).problems == [why]


def test_an_array_of_objects_is_scanned_as_a_pickle() -> None:
    found = scan("a.npy", npy(header([("a", "O"), ("b", "<f8")]), SYSTEM))
    assert found.format == "numpy array of objects"
    assert "os.system" in found.problems[0]
    assert "something follows the array" in scan("a.npy", npy(header("|O"), b"\x80\x02N." + b"more")).problems


# --- zip -------------------------------------------------------------------------------------------------------------


def test_a_zip_with_two_members_of_one_name_is_refused() -> None:
    data = zipped({"a.txt": b"x", "b.txt": b"y"})
    assert scan("model.zip", data.replace(b"b.txt", b"a.txt")).problems == ["it has two members of one name"]


def test_an_encrypted_zip_is_refused() -> None:
    data = bytearray(zipped({"a.txt": b"x"}))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + at] |= 1
    assert scan("model.zip", bytes(data)).problems == ["it is encrypted"]
