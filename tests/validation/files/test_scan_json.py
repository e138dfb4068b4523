"""JSON files of models: keys and descriptions that make a loader run code are refused, those of libraries pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.validation.scanning import scan
from validation.scanning.text import json_files

EVIL = "{{ ''.__class__.__mro__ }}"  # a template that reaches into objects


def keras(name: object, config: object, **more: Any) -> bytes:
    return json.dumps({"class_name": name, "config": config, **more}).encode()


@pytest.mark.parametrize(
    "data",
    [
        keras("Dense", {"units": 3}),
        keras("Dense", {"units": 3}, module="keras.layers", registered_name=None),
        keras("function", "relu", module="builtins"),
        keras("function", {"name": "relu"}),
        keras("TFOpLambda", {"name": "x", "function": "math.add"}),
        keras("SlicingOpLambda", {"function": "relu"}),
    ],
)
def test_a_description_of_keras_passes(data: bytes) -> None:
    assert scan("config.json", data).problems == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (keras("Lambda", {}), "it builds a Lambda, which can run code of the model's own"),
        (keras(3, {}), "it builds a 3, which can run code of the model's own"),
        (keras("Dense", {}, module="my.code"), "it names 'my.code', which a loader would import"),
        (keras("Dense", {}, module=3), "it names '3', which a loader would import"),
        (keras("Dense", {}, registered_name="mine>Layer"), "it needs 'mine>Layer', a class that comes with the model"),
        (keras("TextVectorization", {"vocabulary": "/etc/passwd"}), "it reads a vocabulary from a path"),
        (keras("function", None), "it calls a function that has no name"),
        (keras("TFOpLambda", {}), "it calls a function that has no name"),
        (keras("function", "system"), "it calls system, which may do more than compute"),
        (keras("TFOpLambda", {"function": "io.read_file"}), "it calls io.read_file, which may do more than compute"),
        (keras("SlicingOpLambda", {"function": "io.read"}), "it calls io.read, which may do more than compute"),
    ],
)
def test_a_description_of_keras_that_runs_more_is_refused(data: bytes, why: str) -> None:
    assert why in scan("config.json", data).problems


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ({"activation_function": "os.system"}, "its key activation_function names os.system, which a loader imports"),
        ({"_attn_implementation": "hub/kernel"}, "its key _attn_implementation names compiled code that a loader"),
        ({"chat_template": [{"template": EVIL}]}, "its key chat_template is a template that reaches into Python's"),
        ({"chat_template": EVIL}, "its key chat_template is a template that reaches into Python's own objects"),
        ({"auto_mapping": {"parent_library": "os"}}, "its key auto_mapping names os, which a loader imports"),
        ({"idx": 0, "path": "../x", "type": "sentence_transformers.models.Pooling"}, "its path '../x' points outside"),
        ({"idx": 0, "path": "", "type": "os.path"}, "it names 'os.path', which a loader would import"),
        ({"class": "os.system", "uid": "x"}, "it names 'os.system', which a loader would import"),
        ({"lc": 1, "type": "constructor", "id": []}, "it makes LangChain build an object"),
        (
            {"_class_name": ["a", "b"], "_diffusers_version": "0.3"},
            "it names a pipeline class that comes with the model",
        ),
        (
            {"_class_name": "X", "_diffusers_version": "0.3", "unet": ["mine", "Unet"]},
            "its part unet is of the library",
        ),
        ({"py/object": "os.system"}, "its key py/object makes jsonpickle build an object"),
    ],
)
def test_a_key_that_loads_code_is_refused(record: dict[str, Any], why: str) -> None:
    (problem,) = scan("config.json", json.dumps(record).encode()).problems
    assert problem.startswith(why)


@pytest.mark.parametrize(
    "record",
    [
        {"activation_function": "torch.nn.GELU", "chat_template": "{{ messages }}"},
        {"auto_mapping": {"parent_library": "transformers.models.bert"}},
        {"auto_mapping": None, "_attn_implementation": "sdpa", "chat_template": [{"template": "{{ x }}"}, "y"]},
        {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"class": "org.apache.spark.ml.PipelineModel", "uid": "x"},
        {"_class_name": "X", "_diffusers_version": "0.3", "unet": ["diffusers", "Unet"], "_note": ["a", "b"]},
    ],
)
def test_keys_of_libraries_pass(record: dict[str, Any]) -> None:
    assert scan("config.json", json.dumps(record).encode()).problems == []


@pytest.mark.parametrize(
    "data", [b'{"pad": "%s", "auto_map": {}}', rb'{"pad": "%s", "\u0061uto_map": {}}'], ids=["plain", "escaped"]
)
def test_a_long_document_is_searched_for_such_keys(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "_MAX_JSON", 1000)
    monkeypatch.setattr(json_files, "_MAX_LINE", 300)
    found = scan("config.json", data % (b"x" * 2000))
    assert found.problems == ["as JSON it is longer than 0 MiB, and has a key that loads code"]
    assert scan("config.json", b'{"pad": "%s"}' % (b"x" * 2000)).problems == []


def test_lines_of_json_are_scanned_one_by_one() -> None:
    good = b'{"a": 1}\n\n{"b": 2}\n'
    assert scan("rows.jsonl", good).problems == []
    assert scan("rows.jsonl", good + b'{"py/object": "x"}\n').problems == [
        "its key py/object makes jsonpickle build an object"
    ]
