"""Pickles as no pickler writes them, which the unpicklers execute all the same: under every name they are recognised
and refused.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zlib

import pytest

from tests.validation.scanning import SYSTEM, scan, zipped

NAMES = [
    "model.bin",
    "model",
    "x.dat",
    "a.txt",
    "data.csv",
    "x.json",
    "README.md",
    "w.onnx",
    "x.safetensors",
    "MLmodel",
]
PREFIXES = {
    "a hexadecimal INT": b"I0x10\n0",
    "an INT with an underscore": b"I1_0\n0",
    "an octal INT": b"I0o7\n0",
    "an INT after blanks": b"I  5\n0",
    "an INT before a NUL": b"I5\x00x\n0",
    "an INT with a sign": b"I+5\n0",
    "a LONG in base 16": b"L0x10L\n0",
    "a LONG without L": b"L5\n0",
    "a LONG with an underscore": b"L1_0L\n0",
    "a FLOAT that is infinite": b"Finf\n0",
    "a FLOAT after a blank": b"F 1.5\n0",
    "a FLOAT with a sign": b"F+NaN\n0",
    "a PUT with blanks": b"I1\np 5 \n0",
    "a PUT with an underscore": b"I1\np1_0\n0",
    "a GET with a sign": b"I1\np1\n0g+1\n0",
    "a GET before a NUL": b"I1\np1\n0g1\x00a\n0",
    "a text of escapes": b"V\\u0041\n0",
    "a text in quotes": b'S"a\\x41"\n0',
    "a late protocol": b"N\x80\x020",
    "an empty frame": b"\x95" + b"\x00" * 8,
    "a persistent id": b"Pabc\n0",
    "a pickle before it": b"N.",
    "a mark that is dropped": b"(0",
    "a buffer": b"\x970",
    "a long text": b"V" + b"a" * 200_000 + b"\n0",
    "a long text in quotes": b"S'" + b"a" * 200_000 + b"'\n0",
    "an INT after many blanks": b"I" + b" " * 200_000 + b"5\n0",
    "a PUT of many zeros": b"Np" + b"0" * 200_000 + b"1\n0",
    "a FLOAT of many digits": b"F0." + b"1" * 200_000 + b"\n0",
}


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES.keys())
@pytest.mark.parametrize("name", NAMES)
def test_it_is_recognised_and_refused(name: str, prefix: bytes) -> None:
    report = scan(name, prefix + SYSTEM)
    assert report.verdict == "rejected"
    assert "os.system" in report.globals


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "pack",
    [
        zlib.compress,
        gzip.compress,
        bz2.compress,
        lzma.compress,
        lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
        lambda data: zlib.compress(data, 0),
        lambda data: zlib.compress(data) + b"more",
        lambda data: zlib.compress(data * 100)[:-3],
        lambda data: zlib.compress(gzip.compress(data)),
        lambda data: zipped({"a": data}),
    ],
)
def test_packed_under_any_name_it_is_found(name: str, pack: object) -> None:
    report = scan(name, pack(SYSTEM))  # type: ignore[operator]  # a function each
    assert report.verdict == "rejected"
    assert "os.system" in report.globals


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_tar_file_is_looked_into(kind: int) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=kind) as archive:
        member = tarfile.TarInfo("pickle")
        member.size = len(SYSTEM)
        archive.addfile(member, io.BytesIO(SYSTEM))
    assert "os.system" in scan("weights.bin", packed.getvalue()).globals
    old = bytearray(packed.getvalue())
    old[257:265] = bytes(8)  # the mark, which tar files of version 7 don't have
    old[148:156] = b"%06o\x00 " % (sum(old[:148]) + sum(old[156:512]) + 8 * 32)
    assert scan("weights.bin", bytes(old)).verdict == "rejected"


def test_an_instance_without_a_mark_is_imported_all_the_same() -> None:
    """The unpickler in Python, which joblib uses, imports before it looks for the mark."""
    assert "os.system" in scan("a.txt", b"ios\nsystem\n.").globals


def test_a_name_without_an_end_is_imported_all_the_same() -> None:
    assert "os.system" in scan("a.txt", b"cos\nsystemX").globals


@pytest.mark.parametrize(
    "text", ["N.A.\n", "Vienna\ncity\n", "I like cats\ncome\n", "customer,amount\n1,2\n", "(c) 2026\n"]
)
def test_words_are_no_pickles(text: str) -> None:
    assert scan("notes.txt", text.encode()).verdict == "clean"


def test_what_joblib_reads_is_counted_only_where_the_wrapper_is_joblibs() -> None:
    """One more entry in the wrapper's state replaces the method that reads, and the "array" would be executed."""
    wrapper = (
        b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x08\x00\x00\x00subclasscnumpy\nndarray\n"
        b"X\x05\x00\x00\x00shapeK\x19\x85X\x05\x00\x00\x00orderX\x01\x00\x00\x00CX\x05\x00\x00\x00dtype"
        b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    honest = wrapper + b"ub" + bytes(25) + b"."
    assert scan("m.joblib", honest).problems == []
    twisted = wrapper + b"X\x0a\x00\x00\x00read_arraycbuiltins\nlist\nub" + bytes(25) + b"."
    assert "not as joblib writes it" in scan("m.joblib", twisted).problems[0]


@pytest.mark.parametrize("odd", [b"}", b"]", b"N", b"}X\x01\x00\x00\x00aK\x01s", b"(]]t"], ids=range(5))
def test_an_odd_value_in_a_wrapper_is_refused(odd: bytes) -> None:
    """A set cannot look up some of these values."""
    values = {
        "subclass": b"cnumpy\nndarray\n",
        "shape": b"K\x19\x85",
        "order": b"X\x01\x00\x00\x00C",
        "dtype": b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
    }
    for changed in values:
        entries = b"".join(
            b"X" + len(name).to_bytes(4, "little") + name.encode() + (odd if name == changed else value)
            for name, value in values.items()
        )
        data = b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(" + entries + b"ub" + bytes(25) + b"."
        assert scan("m.joblib", data).problems != [], changed


def test_an_odd_size_in_the_type_of_an_array_is_refused() -> None:
    for odd in (b"}", b"]", b"(]t", b"G" + bytes(8)):
        data = (
            b"\x80\x04cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x08\x00\x00\x00subclasscnumpy\nndarray\n"
            b"X\x05\x00\x00\x00shapeK\x19\x85X\x05\x00\x00\x00orderX\x01\x00\x00\x00CX\x05\x00\x00\x00dtype"
            b"cnumpy\ndtype\nX\x02\x00\x00\x00u1\x89\x88\x87R(K\x03X\x01\x00\x00\x00|NNN"
            + odd
            + b"J\xff\xff\xff\xffK\x00tbub"
            + bytes(25)
            + b"."
        )
        assert scan("m.joblib", data).problems != []


def test_odd_values_in_a_skops_file_name_nothing() -> None:
    node = {
        "__class__": "str",
        "__module__": "builtins",
        "__loader__": "TypeNode",
        "__id__": 1,
        "file": "a",
        "content": "b",
    }
    odd_values: list[object] = [[], {}, [[]], 3.5, True]
    for odd in odd_values:
        data = zipped({"schema.json": json.dumps(node | {"__loader__": odd}).encode()})
        assert scan("model.skops", data).verdict == "rejected", odd
    for key in ("__class__", "__module__", "__id__", "file", "content"):  # these name nothing, or are refused
        for value in [*odd_values, None]:
            named = scan("model.skops", zipped({"schema.json": json.dumps(node | {key: value}).encode()})).globals
            assert not [name for name in named if name != "builtins.str"], (key, value)


def test_a_class_that_joblib_obeys_is_not_passed_on() -> None:
    data = b"]" + b"cjoblib.numpy_pickle\nNumpyArrayWrapper\na."
    assert "only make objects of" in scan("m.pkl", data).problems[0]
