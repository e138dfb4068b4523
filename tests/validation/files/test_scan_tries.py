"""Further tries at the scan: each is refused as it stands, under several names, and says why."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import pickle
import pickletools
import tarfile
import zlib

import pytest

from tests.validation.files.test_scan_onnx import model, node, tensor
from tests.validation.scanning import SYSTEM, problems, scan, zipped

FRAME_LZ4, FRAME_ZSTD = (
    b"\x04\x22\x4d\x18" + b"\x60\x40\x82" + b"\x00" * 16,
    b"\x28\xb5\x2f\xfd" + b"\x24\x00" + b"\x00" * 16,
)
PROTO4 = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."


def tarred(name: str, data: bytes, mode: str = "w") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is one of its own
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def link(name: str, to: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = tarfile.SYMTYPE, to
        archive.addfile(member)
    return packed.getvalue()


TRIES = {
    "global with a dotted name": b"\x80\x04\x8c\x0fsklearn.utils.x\x8c\x0bos.system.__\x93.",
    "a name by getattr": b"cbuiltins\ngetattr\n(cnumpy\ncore\nS'x'\ntR.",
    "operator.attrgetter": b"coperator\nattrgetter\n(S'system'\ntR(cos\n__name__\ntR.",
    "functools.partial": b"cfunctools\npartial\n(cos\nsystem\nS'true'\ntR.",
    "types.FunctionType": b"ctypes\nFunctionType\n(ctypes\nCodeType\nNtR.",
    "runpy": b"crunpy\nrun_path\n(S'/tmp/x'\ntR.",
    "numpy's own reader": b"cnumpy\nload\n(S'x.npy'\nNI01\ntR.",
    "joblib.load": b"cjoblib\nload\n(S'x'\ntR.",
    "pandas.read_pickle": b"cpandas\nread_pickle\n(S'x'\ntR.",
    "torch.load": b"ctorch\nload\n(S'x'\ntR.",
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'true'\no.",
    "NEWOBJ_EX": b"\x80\x04cos\nsystem\n)}\x92.",
    "extension registry": b"\x80\x02\x82\x01.",
    "after the first STOP": pickle.dumps(1) + SYSTEM,
    "in a frame of the wrong length": b"\x80\x04\x95\xff\x00\x00\x00\x00\x00\x00\x00" + PROTO4[2:],
    "by memo": b"\x80\x04\x8c\x02os\x940\x8c\x06system\x940h\x00h\x01\x93\x8c\x04true\x85R.",
    "optimised": pickletools.optimize(PROTO4),
    "LONG with a blank before its L": b"L 1 L\n0" + SYSTEM,
    "LONG as the protocol": b"L0x1L\n0" + SYSTEM,
    "a float with a tail": b"F1.0\n0" + SYSTEM,
    "gzip": gzip.compress(PROTO4),
    "gzip of gzip": gzip.compress(gzip.compress(PROTO4)),
    "two gzip members": gzip.compress(b"") + gzip.compress(PROTO4),
    "bz2": bz2.compress(PROTO4),
    "xz": lzma.compress(PROTO4),
    "raw zlib at another level": zlib.compress(PROTO4, 0),
    "zlib with a small window": zlib.compressobj(wbits=9).compress(PROTO4) + b"",
    "zip": zipped({"a/data.pkl": PROTO4, "a/version": b"3"}),
    "zip in zip": zipped({"x": zipped({"data.pkl": PROTO4})}),
    "zip behind a head": b"%PDF-1.4 " + zipped({"data.pkl": PROTO4}),
    "tar": tarred("x", PROTO4),
    "tar.gz": tarred("x", PROTO4, "w:gz"),
    "tar with a link outside": link("x", "/etc/passwd"),
    "tar with a name outside": tarred("../x", b"plain words"),
    "LZ4": FRAME_LZ4,
    "Zstandard": FRAME_ZSTD,
    "ELF": b"\x7fELF" + b"\x00" * 60,
    "a script": b"#!/bin/sh\ntrue\n",
    "Python's cache": b"\xa7\r\r\n" + b"\x00" * 12 + b"\xe3" + b"\x00" * 40,
}


@pytest.mark.parametrize("name", ["model.pkl", "model.bin", "model", "data.csv", "notes.md", "x.npy", "config.json"])
@pytest.mark.parametrize("what", TRIES)
def test_it_is_refused_under_every_name(what: str, name: str) -> None:
    data = TRIES[what]
    if what == "zlib with a small window":
        packer = zlib.compressobj(wbits=9)
        data = packer.compress(PROTO4) + packer.flush()
    assert scan(name, data).problems


@pytest.mark.parametrize("what", ["LZ4", "Zstandard"])
def test_what_is_not_unpacked_is_named(what: str) -> None:
    assert f"a file of {what}" in scan("m.bin", TRIES[what]).problems[0]


@pytest.mark.parametrize("what", ["LZ4", "Zstandard"])
def test_what_a_loader_would_unpack_is_nobodys_raw_data(what: str) -> None:
    graph = {"model.onnx": model(node(), tensors=(tensor("m.bin"),))}
    assert problems({**graph, "m.bin": b"\x00\x01" * 4000}) == {}
    assert problems({**graph, "m.bin": TRIES[what]}).keys() == {"m.bin"}
    assert problems({**graph, "m.bin": TRIES[what]}, allow_files=["m.bin"]) == {}


def mlmodel(flavors: str, top: str = "") -> dict[str, bytes]:
    return {"MLmodel": f"flavors: {flavors}\n{top}".encode(), "model.yaml": b"a: b\n"}


LANGCHAIN = "{langchain: {langchain_version: 0.3, model_data: model.yaml, streamable: true}}"


def test_a_flavor_that_is_not_known_names_the_way() -> None:
    (said,) = problems(mlmodel(LANGCHAIN))["MLmodel"]
    assert "let the policy allow the loader mlflow.langchain" in said


@pytest.mark.parametrize("flavor", ["langchain", "openai", "shap", "llama_index", "dspy"])
def test_a_policy_may_allow_the_loader_of_a_flavor(flavor: str) -> None:
    loader = f"python_function: {{loader_module: mlflow.{flavor}, data: model.yaml}}"
    files = mlmodel(f"{{{flavor}: {{version: 1.0, data: model.yaml}}, {loader}}}")
    assert problems(files, allow={f"mlflow.{flavor}"}) == {}
    assert problems(files).keys() == {"MLmodel"}


@pytest.mark.parametrize(
    "keys",
    [
        "model_data: /etc/passwd",
        "model_data: ../other",
        "steps: [{path: ~/x}]",
        "deep: {a: [{b: [https://host/x]}]}",
        "{../x: y}: z",
        "code: code",
        "model_code_path: agent.py",
        "loader_module: os",
        "env: /tmp/conda.yaml",
        "config: {trust_remote_code: true}",
    ],
)
def test_an_allowed_flavor_leads_nowhere_else(keys: str) -> None:
    files = mlmodel(f"\n  langchain:\n    {keys}")
    assert problems(files, allow={"mlflow.langchain"}).keys() == {"MLmodel"}


@pytest.mark.parametrize(
    "flavors",
    [
        "{sklearn: {pickled_model: file:/etc/x}}",
        "{sklearn: {pickled_model: 'a\\\\..\\\\..\\\\x'}}",
        "{SKLEARN: {pickled_model: model.pkl}}",
        "{python_function: {loader_module: mlflow.sklearn.os}}",
        "{python_function: {loader_module: 'mlflow.sklearn '}}",
        "{python_function: {loader_module: [mlflow.sklearn]}}",
        "{xgboost: {model_class: xgboost.core.Booster.load_config, data: m.json}}",
        "{spark: {model_class: pyspark.ml.os.system, model_data: m}}",
        "{transformers: {pipeline_model_type: os.system, model_binary: m}}",
        "{onnx: {providers: [[CPUExecutionProvider, {path: x.so}]], data: m.onnx}}",
        "{python_function: {predict_fn: __class__, loader_module: mlflow.sklearn}}",
        "{? [a, b] : {x: y}}",
    ],
)
def test_a_bent_flavor_is_refused(flavors: str) -> None:
    assert "MLmodel" in problems(mlmodel(flavors))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("requirements.txt", "--index-url http://host/simple\nx"),
        ("requirements.txt", "-r /etc/passwd"),
        ("requirements.txt", "git+https://host/x"),
        ("requirements.txt", "x @ file:///tmp/x.whl"),
        ("conda.yaml", "dependencies: [{pip: ['-e .']}]"),
        ("conda.yaml", "dependencies: [{pip: ['x @ https://host/x.whl']}]"),
        ("python_env.yaml", "dependencies: ['--extra-index-url http://host']"),
        ("config.json", '{"auto_map": {"AutoModel": "x.Y"}}'),
        ("tokenizer_config.json", '{"deep": [{"auto_map": {"AutoTokenizer": ["x.Y", null]}}]}'),
        (
            "config.json",
            '{"class_name": "Lambda", "config": {"function": "' + base64.b64encode(b"x" * 20).decode() + '"}}',
        ),
    ],
)
def test_a_bent_text_is_refused(name: str, text: str) -> None:
    assert scan(name, text.encode()).problems


def packed(value: bytes) -> bytes:
    """Return a MessagePack map with bytes in it, as spaCy's parts are."""
    return b"\x81\xa5shims\xc6" + len(value).to_bytes(4, "big") + value


PACKED = {
    "a pickle": PROTO4,
    "an old pickle": SYSTEM,
    "zlib": zlib.compress(PROTO4),
    "a zip file": zipped({"archive/data.pkl": PROTO4}),
    "a numpy array": b"\x93NUMPY\x01\x00\x00\x00" + SYSTEM,
    "more of its kind": packed(PROTO4),
}


@pytest.mark.parametrize("what", PACKED)
def test_bytes_in_messagepack_are_judged(what: str) -> None:
    assert scan("model", packed(PACKED[what])).problems


@pytest.mark.parametrize("value", [pickle.dumps({"a": [1.5]}), b"\x00\x01" * 5000, b"line\nline\n", b'{"a": 1}'])
def test_honest_bytes_in_messagepack_pass(value: bytes) -> None:
    report = scan("model", packed(value))
    assert (report.format, report.problems) == ("MessagePack", [])


@pytest.mark.parametrize("name", ["mlmodel", "MLMODEL", "a/MLmodel.", "\uff2dLmodel".replace("\uff2d", "M")])
def test_a_name_that_is_the_same_on_some_disks_is_judged(name: str) -> None:
    assert scan(name, b"flavors: {python_function: {loader_module: os}}").problems


@pytest.mark.parametrize(
    ("one", "other"),
    [("MLmodel", "mlmodel"), ("caf\u00e9.txt", "cafe\u0301.txt"), ("data/x", "DATA/x"), ("x.txt", "x.txt.")],
)
def test_names_that_are_one_on_some_disks_are_refused(one: str, other: str) -> None:
    files = {one: b"flavors: {}\n", other: b"flavors: {}\n"}
    assert set(problems(files)) == {other}
