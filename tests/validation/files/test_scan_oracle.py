"""The real unpicklers as oracle: whatever global they would take from a stream, the scanner has seen or has refused the
file.

The unpicklers get an inert class for every name, so nothing hostile is ever imported or called.
"""

from __future__ import annotations

import contextlib
import io
import pickle

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.validation.scanning import SYSTEM
from validation.scanning.files import scan_file
from validation.scanning.pickles.globals import is_allowed
from validation.scanning.report import Budget


class Inert:
    """Takes any arguments, any state, any item, and does nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        return None

    def __setstate__(self, _: object) -> None:
        return None

    def append(self, _: object) -> None:
        return None

    def __setitem__(self, _: object, __: object) -> None:
        return None


def globals_taken(data: bytes, unpickler: type) -> set[str]:
    """Return the names a real unpickler asks for before it ends or fails."""
    taken: set[str] = set()

    class Watching(unpickler):  # type: ignore[misc]  # either implementation
        def find_class(self, module: str, name: str) -> type:
            taken.add(f"{module}.{name}")
            return Inert

    with contextlib.suppress(Exception):  # a broken stream is what we made
        Watching(io.BytesIO(data)).load()
    return taken


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


WORDS = ["os", "system", "numpy", "dtype", "sklearn.pipeline", "Pipeline"]
FRAGMENTS = [
    *(text(word) for word in WORDS),
    *(b"U" + text(word)[1:] for word in WORDS),
    *[b"\x94", b"h\x00", b"h\x01", b"h\x02", b"q\x00", b"q\x01", b"j\x00\x00\x00\x00", b"g1\n", b"p2\n"],
    *[b"(", b"0", b"1", b"2", b"t", b"\x85", b"\x86", b"\x87", b"l", b"d", b"]", b"}", b")", b"\x8f", b"\x91"],
    *[b"a", b"e", b"s", b"u", b"\x90", b"R", b"b", b"o", b"\x81", b"\x92", b"\x93", b"\x93", b"\x93"],
    *[b"cnumpy\ndtype\n", b"cos\nsystem\n", b"iposix\nsystem\n", b"csklearn.pipeline\nPipeline\n"],
    *[b"K\x01", b"N", b"\x88", b"I7\n", b"S'os'\n", b"Vsystem\n", b"\x95\x04\x00\x00\x00\x00\x00\x00\x00", b"."],
]
streams = st.builds(
    lambda head, parts: head + b"".join(parts) + b".",
    st.sampled_from([b"", b"\x80\x02", b"\x80\x04"]),
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=14),
)


@settings(max_examples=1500)
@given(streams)
@example(b"\x95\x04\x00\x00\x00\x00\x00\x00\x00csklearn.pipeline\nPipeline\n.")  # the C reader sees earn.pipeline
def test_nothing_is_taken_that_was_not_seen(data: bytes) -> None:
    taken = globals_taken(data, pickle.Unpickler) | globals_taken(data, pickle._Unpickler)
    found = scan_file("model.pkl", io.BytesIO(data), Budget())
    if found.verdict != "rejected":
        assert all(is_allowed(*name.rsplit(".", 1)) for name in taken)
        assert taken <= found.globals


NUMBERS = st.text(alphabet="0123456789abefoxXBLl_+-. \t\r\x0b\x0c\x00INFnai", min_size=0, max_size=8)


def one_takes(data: bytes) -> bool:
    """Return whether one of the real unpicklers imports what the stream names."""
    return bool(globals_taken(data, pickle.Unpickler) | globals_taken(data, pickle._Unpickler))


@settings(max_examples=3000)
@given(st.sampled_from("ILFSVgp"), NUMBERS)
@example("L", " 1 L")
@example("L", "0x1\tL")
@example("L", "1 L\x00 anything")
@example("I", "0b1 ")
@example("F", " 1_0.0 ")
@example("S", "'a' ")
def test_a_line_that_an_unpickler_takes_hides_nothing_behind_it(opcode: str, text: str) -> None:
    for around in (b"%s0%s", b"N%s0%s", b"(%s1%s", b"Np7\n0%s0%s"):
        data = around % (f"{opcode}{text}\n".encode(), SYSTEM)
        if one_takes(data):
            for name in ("model.bin", "notes.md", "model.pkl"):
                assert scan_file(name, io.BytesIO(data), Budget()).verdict == "rejected", (name, data)
