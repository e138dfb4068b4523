"""Whole folders, as libraries write them: which pass, and which are refused for what is bent in them.

The folders of Keras and TensorFlow are recorded (Keras 3.15, TensorFlow 2.21); the others are put together here as
their formats say.
"""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import pytest

from tests.validation.files.test_scan_onnx import model as onnx_model
from tests.validation.files.test_scan_onnx import node, safetensors, tensor
from tests.validation.scanning import SYSTEM, problems, scan, zipped

FOLDERS = Path(__file__).parents[1] / "folders"
Files = dict[str, bytes]


def recorded(name: str) -> Files:
    root = FOLDERS / name
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def mlmodel(flavor: str, loader: str = "", **keys: object) -> bytes:
    function = {
        "loader_module": loader or f"mlflow.{flavor}",
        "python_version": "3.11.7",
        "env": {"conda": "conda.yaml"},
    }
    return json.dumps({"flavors": {flavor: keys, "python_function": function}, "mlflow_version": "3.17.2"}).encode()


# What torch.save writes for {"w": torch.zeros(2)}, protocol 2.
STATE = (
    b"\x80\x02}q\x00X\x01\x00\x00\x00wq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\x00\x00\x00storageq\x03"
    b"ctorch\nFloatStorage\nq\x04X\x01\x00\x00\x000q\x05X\x03\x00\x00\x00cpuq\x06K\x02tq\x07QK\x00K\x02\x85q\x08K\x01\x85q\x09"
    b"\x89ccollections\nOrderedDict\nq\x0a)Rq\x0btq\x0cRq\x0ds."
)
MODULE = b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81}b."


def torch_file(state: bytes = STATE, **more: bytes) -> bytes:
    members = {
        "archive/data.pkl": state,
        "archive/byteorder": b"little",
        "archive/data/0": b"\x00\x01\xff\x80\x02c\x00\x07",
    }
    return zipped({**members, "archive/version": b"3\n", **more})


def legacy_torch(state: bytes = STATE, tail: bytes = b"") -> bytes:
    """Return a state_dict as PyTorch wrote it before 1.6."""
    state = state.replace(b"cpuq\x06K\x02tq\x07", b"cpuq\x06K\x02Ntq\x07")
    head = (
        b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + pickle.dumps(1001, 2) + pickle.dumps({"little_endian": True}, 2)
    )
    return head + state + pickle.dumps(["0"], 2) + struct.pack("<q", 2) + bytes(8) + tail


TRANSFORMERS: Files = {
    "MLmodel": mlmodel(
        "transformers",
        task="text-classification",
        instance_type="TextClassificationPipeline",
        pipeline_model_type="BertForSequenceClassification",
        source_model_name="bert-base-uncased",
        framework="pt",
        torch_dtype="torch.float32",
        components=["tokenizer"],
        tokenizer_type="BertTokenizerFast",
        model_binary="model",
        code=None,
    ),
    "model/config.json": json.dumps(
        {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}
    ).encode(),
    "model/model.safetensors": safetensors(
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"format": "pt"}}, b"\x00" * 4
    ),
    "components/tokenizer/tokenizer.json": b'{"version": "1.0", "model": {"type": "WordPiece", "vocab": {"[UNK]": 0}}}',
    "components/tokenizer/tokenizer_config.json": b'{"tokenizer_class": "BertTokenizer", "chat_template": "{% for m in messages %}{{ m.content }}{% endfor %}"}',
    "components/tokenizer/vocab.txt": b"[PAD]\n[UNK]\n",
    "components/tokenizer/spiece.model": b"\x0a\x08\x0a\x01a\x15\x00\x00\x00\x00",
    "model/pytorch_model.bin": torch_file(),
}
SPARK: Files = {
    "MLmodel": mlmodel(
        "spark", model_class="pyspark.ml.pipeline.PipelineModel", model_data="sparkml", pyspark_version="4.0.0"
    ),
    "sparkml/metadata/part-00000": b'{"class":"org.apache.spark.ml.PipelineModel","timestamp":1,"sparkVersion":"4.0.0","uid":"p","paramMap":{"stageUids":["l"]}}\n',
    "sparkml/metadata/_SUCCESS": b"",
    "sparkml/metadata/.part-00000.crc": b"crc\x00\x00\x00\x02\x00\x01\x02\x03\x04",
    "sparkml/stages/0_l/data/part-00000-x.snappy.parquet": b"PAR1" + b"\x15\x00\x80\x02" * 20 + b"PAR1",
}
PROPHET: Files = {
    "MLmodel": mlmodel("prophet", data="model.pr", prophet_version="1.5.0"),
    "model.pr": json.dumps(
        json.dumps({"growth": "linear", "n_changepoints": 25, "history": '{"columns":[]}'})
    ).encode(),
}
ONNX: Files = {
    "MLmodel": mlmodel("onnx", data="model.onnx", onnx_version="1.23.2", providers=["CPUExecutionProvider"]),
    "model.onnx": onnx_model(node(), tensors=(tensor("model.onnx.data"),)),
    "model.onnx.data": b"\x00\x01\xff\x80" * 30,
}
PYTORCH: Files = {
    "MLmodel": mlmodel("pytorch", model_data="data", pytorch_version="2.12.0"),
    "data/model.pth": torch_file(),
    "data/pickle_module_info.txt": b"mlflow.pytorch.pickle_module",
}
KERAS = {
    "MLmodel": mlmodel(
        "keras", data="data", keras_version="3.15.1", keras_backend="tensorflow", save_exported_model=False
    )
}
TENSORFLOW = {"MLmodel": mlmodel("tensorflow", saved_model_dir="tf2model", model_type="tf2-module", code=None)}

HONEST: dict[str, Files] = {
    "transformers": TRANSFORMERS,
    "PyTorch": PYTORCH,
    "PyTorch before 1.6": {**PYTORCH, "data/model.pth": legacy_torch()},
    "Keras": {**KERAS, **{f"data/{name}": data for name, data in recorded("keras").items()}},
    "TensorFlow": {**TENSORFLOW, **{f"tf2model/{name}": data for name, data in recorded("tensorflow").items()}},
    "ONNX with its weights beside it": ONNX,
    "Spark": SPARK,
    "Prophet": PROPHET,
}


@pytest.mark.parametrize("files", HONEST.values(), ids=HONEST.keys())
def test_an_honest_folder_passes(files: Files) -> None:
    assert (
        problems({**files, "conda.yaml": b"dependencies: [python=3.11, {pip: [mlflow==3.17.2]}]\nname: mlflow-env\n"})
        == {}
    )


BENT: dict[str, tuple[Files, str, str]] = {
    "code that comes with a model": (TRANSFORMERS, "model/modeling_x.py", "class X: pass"),
    "auto_map": (TRANSFORMERS, "model/config.json", '{"auto_map": {"AutoModel": "modeling_x.X"}}'),
    "auto_map twice": (TRANSFORMERS, "model/config.json", '{"auto_map": {"AutoModel": "x.X"}, "auto_map": {}}'),
    "auto_map in escapes": (TRANSFORMERS, "model/config.json", '{"\\u0061uto_map": {"AutoModel": "x.X"}}'),
    "trust_remote_code": (TRANSFORMERS, "model/config.json", '{"a": [{"trust_remote_code": true}]}'),
    "a kernel of the hub": (TRANSFORMERS, "model/config.json", '{"_attn_implementation": "evil/kernel"}'),
    "jsonpickle": (TRANSFORMERS, "model/config.json", '{"py/reduce": [{"py/type": "os.system"}, {"py/tuple": ["x"]}]}'),
    "a template": (TRANSFORMERS, "components/tokenizer/tokenizer_config.json", '{"chat_template": "{{ x.__class__.__mro__ }}"}'),
    "a template that looks up attributes": (TRANSFORMERS, "components/tokenizer/tokenizer_config.json", '{"chat_template": "{{ attr(x, y) }}"}'),
    "a template of its own": (TRANSFORMERS, "model/chat_template.jinja", "{{ x.__globals__ }}"),
    "a Spark class": (SPARK, "sparkml/metadata/part-00000", '{"class": "evil.Model", "sparkVersion": "4", "uid": "p"}'),
    "a module of sentence transformers": (TRANSFORMERS, "model/modules.json", '[{"idx": 0, "name": "0", "path": "", "type": "os.X"}]'),
    "a pipeline of diffusers": (TRANSFORMERS, "model/model_index.json", '{"_class_name": "P", "_diffusers_version": "1", "unet": ["os", "system"]}'),
    "the module that unpickles": (PYTORCH, "data/pickle_module_info.txt", "os"),
    "the module of Keras": (HONEST["Keras"], "data/keras_module.txt", "antigravity"),
    "a weight file without a name": (ONNX, "other.data", "\x00\x01\x02"),
    "data of Keras by path": (HONEST["Keras"], "data/config.json", '{"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}'),
}  # fmt: skip


@pytest.mark.parametrize("bent", BENT.values(), ids=BENT.keys())
def test_a_bent_file_is_refused(bent: tuple[Files, str, str]) -> None:
    files, name, text = bent
    assert name in problems({**files, name: text.encode()})


def _gguf(template: str) -> bytes:
    key, text = b"tokenizer.chat_template", template.encode()
    return b"GGUF" + struct.pack(f"<IQQQ{len(key)}sIQ", 3, 0, 1, len(key), key, 8, len(text)) + text


@pytest.mark.parametrize(
    ("template", "verdict"),
    [
        ("{% for m in messages %}{{ m.content }}{% endfor %}", "clean"),
        ("{{ x.__class__ }}", "rejected"),
        ("{{ attr(x, y) }}", "rejected"),
        ("{{ x['__cla' ~ 'ss__'] }}", "rejected"),
        ("{{ x['\\x5f\\x5fclass\\x5f\\x5f'] }}", "rejected"),
        ("{% set u = '_' %}{{ x[u ~ u] }}", "rejected"),
        ("{{ x['a_b'[1] * 2] }}", "rejected"),
        ("{{ x[('a_b')[1]] }}", "rejected"),
        ("{{ x['%cclass' % 95] }}", "rejected"),
        ("{{ xs | map(attribute=y) }}", "rejected"),
        ("{{ '[INST] ' + m[0]['content'] | trim + ' [/INST]' }}{{ m[loop.index0 + 1].role }}", "clean"),
        (
            "{{ m.content.split('</think>')[-1].lstrip('\\n') }}{{ m[1:] | map(attribute='role') | join(', ') }}",
            "clean",
        ),
    ],
)
def test_a_template_of_a_gguf_file_is_read(template: str, verdict: str) -> None:
    assert scan("model.gguf", _gguf(template)).verdict == verdict


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bad_read.pb", "ReadFile"),
        ("bad_print.pb", "PrintV2"),
        ("bad_save.pb", "opens a file that the graph names"),
        ("bad_save2.pb", "opens a file that the graph names"),
    ],
)
def test_a_graph_that_touches_files_is_refused(name: str, words: str) -> None:
    data = (FOLDERS / "hostile" / name).read_bytes()
    assert words in problems({"saved_model.pb": data})["saved_model.pb"][0]


@pytest.mark.parametrize("path", sorted((FOLDERS / "hostile").glob("*[!b]")), ids=lambda path: path.name)
def test_a_hostile_keras_or_hdf5_file_is_refused(path: Path) -> None:
    assert scan(path.name, path.read_bytes()).verdict == "rejected"
    assert scan("renamed.bin", path.read_bytes()).verdict == "rejected"


@pytest.mark.parametrize(
    "data",
    [
        torch_file(MODULE),
        torch_file(SYSTEM),
        torch_file(**{"archive/code/__torch__.py": b"def forward(self): pass"}),
        torch_file(**{"archive/extra.bin": b"\x00\x01"}),
        torch_file(STATE.replace(b"storage", b"sturage")),
        legacy_torch(MODULE),
        legacy_torch(tail=b"x"),
        legacy_torch(SYSTEM),
    ],
)
def test_a_pytorch_file_of_more_than_tensors_is_refused(data: bytes) -> None:
    assert scan("model.pth", data).verdict == "rejected"


@pytest.mark.parametrize(
    "body",
    [
        {"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "/abs/path.pkl"}},
        {"python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "../x.pkl"}},
        {
            "python_function": {
                "loader_module": "mlflow.pyfunc.model",
                "artifacts": {"a": {"path": "/etc/passwd", "uri": "x"}},
            }
        },
        {"python_function": {"loader_module": "mlflow.__main__"}},
        {"python_function": {"loader_module": "mlflow.sklearn", "env": {"conda": "/etc/x.yaml"}}},
        {"python_function": {"loader_module": "mlflow.sklearn", "env": {"conda": "other.yaml"}}},
        {"python_function": {"loader_module": "mlflow.sklearn", "predict_fn": "__class__"}},
        {"python_function": {"loader_module": "mlflow.sklearn", "config": {"a": {"trust_remote_code": True}}}},
        {"xgboost": {"model_class": "os.abort", "data": "model.pkl"}},
        {"lightgbm": {"model_class": "os.abort", "data": "model.pkl"}},
        {"sklearn": {"pickled_model": "model.txt", "serialization_format": "pickle"}},
        {"sklearn": {"pickled_model": "missing.pkl"}},
        {"sklearn": {"pickled_model": "model.pkl", "serialization_format": "dill"}},
        {"sklearn": {"pickled_model": "model.pkl", "code": "code"}},
        {"sklearn": {"pickled_model": "model.pkl", "hook": "os.system"}},
        {"sklearn": {"pickled_model": "file:///etc/passwd"}},
        {"keras": {"data": "model.pkl", "keras_module": "os"}},
        {"onnx": {"data": "m.onnx", "providers": [["QNNExecutionProvider", {"backend_path": "/x.so"}]]}},
        {"onnx": {"data": "m.onnx", "onnx_session_options": {"extra_session_config": {"ep.context_file_path": "/x"}}}},
        {"spark": {"model_class": "os.system", "model_data": "sparkml"}},
        {"transformers": {"task": "x", "source_model_name": "evil/model", "source_model_revision": "main"}},
        {"transformers": {"model_binary": "model", "pipeline_model_type": "os.system"}},
        {"pytorch": {"model_data": "data", "extra_files": [{"path": "../../x"}]}},
        {"diviner": {"data": "model.pkl"}},
        {"sklearn": "model.pkl"},
    ],
)
def test_a_bent_mlmodel_is_refused(body: dict[str, object]) -> None:
    files = {"model.pkl": pickle.dumps(1), "model.txt": b"words\n", "MLmodel": json.dumps({"flavors": body}).encode()}
    assert "MLmodel" in problems(files)


def test_a_file_can_be_allowed_by_name() -> None:
    files = {"extra/a.dat": b"\x00\x01\x02", "extra/b.dat": SYSTEM, "run.sh": b"#!/bin/sh\n"}
    assert problems(files).keys() == {"extra/a.dat", "extra/b.dat", "run.sh"}
    assert problems(files, allow_files={"extra/*", "run.sh"}).keys() == {"extra/b.dat", "run.sh"}


def test_raw_data_is_looked_at_even_where_it_is_named() -> None:
    assert "os.system" in str(problems({**ONNX, "model.onnx.data": SYSTEM}))


@pytest.mark.parametrize("name", ["x.npy", "renamed"])
@pytest.mark.parametrize(
    "descr", ["'object'", "'|O8'", "[('a', '<f8'), ('b', 'O')]", "[('a', '|O', (2,))]", "'nonsense'"]
)
def test_a_numpy_file_of_objects_is_followed(name: str, descr: str) -> None:
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n".encode()
    report = scan(name, b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + SYSTEM)
    assert report.verdict == "rejected"


def test_a_parquet_file_that_declares_a_pickled_type_is_refused() -> None:
    assert scan("t.parquet", b"PAR1 arrow.py_extension_type PAR1").verdict == "rejected"
    assert scan("t.parquet", b"PAR1 harmless PAR1").verdict == "clean"


def test_two_readings_of_a_zip_file_are_refused() -> None:
    good = zipped({"a.txt": b"x"})
    for data in (b"\x89PNG\r\n\x1a\n" + good, good + b"more", b"text" + good, good[:-2] + b"\x01\x00x"):
        assert scan("image.png", data).verdict == "rejected"
