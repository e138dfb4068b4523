"""The keys of JSON files that make a library import code, build an object, or open a file outside the folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from validation.scanning.paths import is_plain_path
from validation.scanning.report import Budget
from validation.scanning.text.keras_config import problems_of_keras
from validation.scanning.text.plain import reaches_python

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_SPARK = re.compile(rf"(?:org\.apache\.spark\.ml|pyspark\.ml)(?:\.{_NAME})+")
_SENTENCE = re.compile(rf"sentence_transformers(?:\.{_NAME})+")
_ACTIVATION = re.compile(rf"torch\.nn(?:\.{_NAME})+")
_LIBRARIES = frozenset({"diffusers", "transformers", "stable_diffusion", "onnxruntime", "tokenizers"})
_PEFT = re.compile(rf"(?:transformers|peft|torch|sentence_transformers)(?:\.{_NAME})*")
_PICKLED_BY_JSONPICKLE = "py/"
_SHOWN = 100


def _code(value: object, budget: Budget) -> str:
    return "names code of its own that a loader imports" if value and not budget.allow_code else ""


def _forbidden(value: object, _: Budget) -> str:
    return "lets loaders run code that comes with the model" if value else ""


def _activation(value: object, _: Budget) -> str:
    dotted = isinstance(value, str) and "." in value
    return (
        f"names {str(value)[:_SHOWN]}, which a loader imports"
        if dotted and not _ACTIVATION.fullmatch(str(value))
        else ""
    )


def _attention(value: object, _: Budget) -> str:
    return "names compiled code that a loader downloads" if isinstance(value, str) and "/" in value else ""


def _template(value: object, _: Budget) -> str:
    texts = [value] if isinstance(value, str) else []
    if isinstance(value, list):
        texts = [str(template.get("template")) for template in value if isinstance(template, Mapping)]
    return "is a template that reaches into Python's own objects" if any(map(reaches_python, texts)) else ""


def _peft(value: object, _: Budget) -> str:
    library = value.get("parent_library") if isinstance(value, Mapping) else None
    plain = library is None or (isinstance(library, str) and _PEFT.fullmatch(library))
    return "" if plain else f"names {str(library)[:_SHOWN]}, which a loader imports"


_KEYS: dict[str, Callable[[object, Budget], str]] = {
    "_attn_implementation": _attention,
    "activation_fn": _activation,
    "activation_function": _activation,
    "attn_implementation": _attention,
    "auto_map": _code,
    "auto_mapping": _peft,
    "chat_template": _template,
    "custom_generate": _code,
    "custom_pipeline": _code,
    "custom_pipelines": _code,
    "model_code_path": _code,
    "trust_remote_code": _forbidden,
}


def problems_of_pair(key: str, value: object, budget: Budget) -> Iterator[str]:
    """Yield the problems of one key and its value."""
    if key in _KEYS and (problem := _KEYS[key](value, budget)):
        yield f"its key {key} {problem}"
    elif key.startswith(_PICKLED_BY_JSONPICKLE):
        yield f"its key {key[:_SHOWN]} makes jsonpickle build an object"


def problems_of_record(record: Mapping[str, object], budget: Budget) -> Iterator[str]:
    """Yield the problems of an object that a combination of its keys shows."""
    if "class_name" in record and ("config" in record or "registered_name" in record):
        yield from problems_of_keras(record, budget)
    if "class" in record and {"uid", "paramMap", "sparkVersion"} & record.keys():
        yield from _named(record["class"], _SPARK, budget)
    if {"idx", "path", "type"} <= record.keys():
        yield from _named(record["type"], _SENTENCE, budget)
        path = str(record["path"])
        if path and not is_plain_path(path):
            yield f"its path {path[:_SHOWN]!r} points outside the model's folder"
    if "_class_name" in record and "_diffusers_version" in record:
        yield from _diffusers(record, budget)
    if {"lc", "type", "id"} <= record.keys():
        yield "it makes LangChain build an object"


def _named(value: object, pattern: re.Pattern[str], budget: Budget) -> Iterator[str]:
    if not (isinstance(value, str) and (pattern.fullmatch(value) or value in budget.allow)):
        yield f"it names {str(value)[:_SHOWN]!r}, which a loader would import"


def _diffusers(record: Mapping[str, object], budget: Budget) -> Iterator[str]:
    if not isinstance(record["_class_name"], str) and not budget.allow_code:
        yield "it names a pipeline class that comes with the model (_class_name)"
    for key, value in record.items():
        if not key.startswith("_") and isinstance(value, list) and len(value) == 2 and isinstance(value[0], str):  # noqa: PLR2004 - library and class
            library = value[0]
            if library not in _LIBRARIES and library not in budget.allow:
                yield f"its part {key[:_SHOWN]} is of the library {library[:_SHOWN]!r}, which a loader would import"
