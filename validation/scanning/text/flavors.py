"""The allowed keys of each MLflow flavor in an MLmodel file, with a rule for the value of each.

The rule depends on what MLflow's loader does with the value. A flavor or a key that is not listed here is refused,
because a loader might import or open what it names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, or a list of scalars, that loaders only compare, show or pass to a library as a number or a name."""


@dataclass(frozen=True, slots=True)
class Path:
    """The path of a file or folder of the model. ``formats`` are the allowed formats of a file, empty for any known
    format.
    """

    formats: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Code:
    """The path of source code of the model, which a loader imports. It needs ``allow_code`` in the policy."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name that the loader imports or looks up. The pattern must match all of it."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Structured:
    """A value with a structure of its own. ``problem_of`` returns what is wrong with it, "" if nothing is."""

    problem_of: Callable[[object], str]


Rule = Text | Path | Code | Named | Structured

PICKLED = frozenset({"pickle", "joblib", "skops", "PyTorch", "numpy array", "numpy array of objects"})
_CLASS = r"[A-Za-z_][A-Za-z0-9_]*"
_PROVIDER = re.compile(r"[A-Za-z]+ExecutionProvider")
_PLAIN_SESSION = frozenset(
    {
        "execution_mode",
        "graph_optimization_level",
        "inter_op_num_threads",
        "intra_op_num_threads",
        "extra_session_config",
    }
)
_SESSION_ENTRY = re.compile(
    r"session\.(?:(?:intra|inter)_op\.[a-z_]+|intra_op_thread_affinities|set_denormal_as_zero|disable_prepacking"
    r"|use_env_allocators|use_device_allocator_for_initializers|dynamic_block_base)"
)


def _named(pattern: str) -> Named:
    return Named(re.compile(pattern))


def _problem_of_extra_files(value: object) -> str:
    """Return the problem of `extra_files`, which is a list of {path}; "" for none. mlmodel.py checks the paths."""
    valid = isinstance(value, list) and all(isinstance(entry, dict) and entry.keys() == {"path"} for entry in value)
    return "" if valid else "is not a list of paths"


def _problem_of_providers(value: object) -> str:
    entries = value if isinstance(value, list) else [value]
    valid = all(entry is None or (isinstance(entry, str) and _PROVIDER.fullmatch(entry)) for entry in entries)
    return "" if valid else "gives an execution provider options, which may name a library to load"


def _problem_of_session_options(value: object) -> str:
    if value is None:
        return ""
    extra = value.get("extra_session_config") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not value.keys() <= _PLAIN_SESSION or not isinstance(extra or {}, dict):
        return "has options that Custody does not know"
    unknown_keys = [str(key) for key in extra or {} if not _SESSION_ENTRY.fullmatch(str(key))]
    return f"has the option {unknown_keys[0][:80]}, which Custody does not know" if unknown_keys else ""


def _problem_of_artifacts(value: object) -> str:
    """Return the problem of the artifacts of a Python model, a mapping of names to {path, uri}; "" for none.

    `uri` says where the artifact came from. Loaders do not read it.
    """
    valid = isinstance(value, dict) and all(
        isinstance(artifact, dict) and artifact.keys() <= {"path", "uri"} and isinstance(artifact.get("path"), str)
        for artifact in value.values()
    )
    return "" if valid else "is not a mapping of names to artifacts"


_EXTRA: dict[str, Rule] = {
    "code": Code(),
    "extra_files": Structured(_problem_of_extra_files),
    "requirements_file": Structured(lambda _: ""),
}
_PICKLE = Path(PICKLED)
_SERIALIZED: dict[str, Rule] = {
    "serialization_format": _named("pickle|cloudpickle|skops"),
    "skops_trusted_types": Text(),
}
_SKLEARN: dict[str, Rule] = {"pickled_model": _PICKLE, "sklearn_version": Text(), **_SERIALIZED}
_KERAS: dict[str, Rule] = {
    "data": Path(),
    "keras_backend": Text(),
    "keras_module": _named(r"keras|tensorflow\.keras|tensorflow\.python\.keras|tf_keras|tensorflow"),
    "keras_version": Text(),
    "meta_graph_tags": Text(),
    "model_type": _named("keras|tf1-estimator|tf2-module"),
    "save_exported_model": Text(),
    "save_format": _named("h5|tf|keras"),
    "saved_model_dir": Path(),
    "signature_def_key": Text(),
}
_TRANSFORMERS: dict[str, Rule] = {
    "components": Text(),
    "framework": _named("pt|tf|jax"),
    "inference_task": Text(),
    "instance_type": _named(_CLASS),
    "model_binary": Path(),
    "peft_adaptor": Path(),
    "pipeline_model_type": _named(_CLASS),
    "processor_type": _named(_CLASS),
    "prompt_template": Text(),
    "source_model_name": Text(),
    "task": Text(),
    "torch_dtype": _named(r"(?:torch\.)?[a-z0-9_]+"),
    "transformers_version": Text(),
}
COMPONENT_KEY = re.compile(r"(?:tokenizer|feature_extractor|image_processor|processor|model)_(type|name)")

FLAVORS: dict[str, dict[str, Rule]] = {
    "catboost": {
        "catboost_version": Text(),
        "data": Path(frozenset({"CatBoost model", "JSON", "ONNX graph"})),
        "model_type": _named("CatBoost(?:Classifier|Regressor|Ranker)?"),
        "save_format": _named("cbm|json|onnx"),
    },
    "fastai": {"data": _PICKLE, "fastai_version": Text()},
    "h2o": {"data": Path(), "h2o_version": Text()},
    "keras": _KERAS,
    "lightgbm": {
        "data": Path(PICKLED | {"text"}),
        "lgb_version": Text(),
        "model_class": _named(r"lightgbm\.basic\.Booster|lightgbm\.sklearn\.LGBM(?:Classifier|Model|Ranker|Regressor)"),
        **_SERIALIZED,
    },
    "onnx": {
        "data": Path(frozenset({"ONNX graph"})),
        "onnx_session_options": Structured(_problem_of_session_options),
        "onnx_version": Text(),
        "providers": Structured(_problem_of_providers),
    },
    "paddle": {"paddle_version": Text(), "pickled_model": Path()},
    "pmdarima": {"data": _PICKLE, "model_type": Text(), "pmdarima_version": Text()},
    "prophet": {"data": Path(frozenset({"JSON", "text"})), "model_type": Text(), "prophet_version": Text()},
    "pytorch": {"model_data": Path(), "pytorch_version": Text()},
    "sentence_transformers": {
        "components": Text(),
        "inference_task": Text(),
        "pipeline_model_type": _named(_CLASS),
        "sentence_transformers_version": Text(),
        "source_model_name": Text(),
    },
    "sklearn": _SKLEARN,
    "spacy": {"data": Path(), "spacy_version": Text()},
    "spark": {
        "model_class": _named(rf"pyspark\.ml(?:\.{_CLASS})+"),
        "model_data": Path(),
        "pyspark_version": Text(),
    },
    "statsmodels": {"data": _PICKLE, "statsmodels_version": Text()},
    "tensorflow": _KERAS,
    "transformers": _TRANSFORMERS,
    "xgboost": {
        "data": Path(frozenset({"JSON", "XGBoost model"})),
        "model_class": _named(
            r"xgboost\.core\.Booster|xgboost\.sklearn\.XGB(?:RF)?(?:Classifier|Model|Ranker|Regressor)"
        ),
        "model_format": _named("json|ubj|xgb|deprecated"),
        "xgb_version": Text(),
    },
}
LOADERS = frozenset({f"mlflow.{name}" for name in FLAVORS} | {"mlflow.pyfunc.model"})
PYTHON_FUNCTION: dict[str, Rule] = {
    "artifacts": Structured(_problem_of_artifacts),
    "cloudpickle_version": Text(),
    "data": Path(),
    "model_code_path": Code(),
    "model_path": Path(),
    "predict_fn": _named(r"predict[a-z_]*|score"),
    "predict_stream_fn": _named(r"predict[a-z_]*"),
    "python_model": _PICKLE,
    "python_model_compression": _named("lzma|bzip2|gzip|none"),
    "python_version": Text(),
    "streamable": Text(),
}


def rules_of(flavor: str) -> dict[str, Rule] | None:
    """Return the rules for the keys of a flavor; None if Custody does not know the flavor."""
    rules = PYTHON_FUNCTION if flavor == "python_function" else FLAVORS.get(flavor)
    return None if rules is None else {**rules, **_EXTRA}
