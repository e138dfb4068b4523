"""Scans MLmodel files key by key (flavors.py): the names that MLflow's loaders import, and the paths that they open.

No path may point outside the folder of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import BinaryIO

from validation.scanning.paths import leads_out
from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.text.flavors import COMPONENT_KEY, LOADERS, Code, Named, Path, Rule, Structured, Text, rules_of
from validation.scanning.text.plain import read_text
from validation.scanning.text.yaml_files import load_yaml

_TOP = frozenset(
    [
        "artifact_path",
        "auth_policy",
        "databricks_runtime",
        "env_vars",
        "flavors",
        "is_signature_from_type_hint",
        "metadata",
        "mlflow_version",
        "model_config",
        "model_id",
        "model_size_bytes",
        "model_uuid",
        "prompts",
        "resources",
        "run_id",
        "saved_input_example_info",
        "signature",
        "type_hint_from_example",
        "utc_time_created",
    ]
)
_PATHS_OF_EXAMPLES = ("artifact_path", "serving_input_path")
_FORBIDDEN_CONFIG = frozenset({"trust_remote_code", "custom_pipeline", "model_code_path", "code_path", "code_paths"})
_ENVIRONMENTS = frozenset({"conda.yaml", "python_env.yaml"})
_REMOTE_KEYS = ("source_model_revision", "local_base_model_path")
_MAX_SHOWN = 100
_OF_ANY_FLAVOR: Mapping[str, Rule] = {"code": Code(), "model_code_path": Code()}
_KEYS_OF_ANY_FLAVOR = frozenset({"loader_module", "env", "config", *_OF_ANY_FLAVOR})


def scan_mlmodel(report: FileReport, stream: BinaryIO, budget: Budget) -> None:
    """Scan an MLmodel file, and add to ``report.expects`` the files that MLflow loads because of it.

    Raises Unsafe if the file names no flavors.
    """
    report.format = "MLmodel"
    body = load_yaml(read_text(stream))
    flavors = body.get("flavors") if isinstance(body, Mapping) else None
    if not isinstance(body, Mapping) or not isinstance(flavors, Mapping):
        raise Unsafe("it names no flavors")
    for problem in _MLmodelScan(report, budget).problems(body, flavors):
        report.refuse(problem[:1000])


def _texts_in(value: object) -> Iterator[str]:
    """Yield every text in a value, including keys."""
    unread = [value]
    while unread:
        part = unread.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping):
            unread += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            unread += part


class _MLmodelScan:
    """Scan of the keys of one MLmodel file."""

    def __init__(self, report: FileReport, budget: Budget) -> None:
        self._report, self._budget = report, budget
        self._folder = PurePosixPath(report.name).parent

    def problems(self, body: Mapping[object, object], flavors: Mapping[object, object]) -> Iterator[str]:
        """Yield the problems of the file."""
        unknown_keys = sorted(str(key) for key in body if key not in _TOP)
        if unknown_keys:
            yield f"it has the key {unknown_keys[0][:_MAX_SHOWN]}, which no MLmodel file is known to have"
        example = body.get("saved_input_example_info")
        if isinstance(example, Mapping):
            yield from self._examples(example)
        for name, flavor in flavors.items():
            for problem in self._flavor(str(name), flavor):
                yield f"flavor {str(name)[:_MAX_SHOWN]}: {problem}"

    def _examples(self, example: Mapping[object, object]) -> Iterator[str]:
        for key in _PATHS_OF_EXAMPLES:
            if isinstance(example.get(key), str) and leads_out(str(example[key])):
                yield f"its input example points outside the model's folder ({key})"

    def _flavor(self, name: str, flavor: object) -> Iterator[str]:
        rules = rules_of(name)
        if rules is None and f"mlflow.{name}" not in self._budget.allow:
            yield (
                "Custody does not know this flavor or what its loader does. Log the model with another flavor of "
                f"MLflow, or let the policy allow the loader mlflow.{name[:_MAX_SHOWN]} (`allow`)"
            )
            return
        if not isinstance(flavor, Mapping):
            yield "it is no mapping of keys to values"
            return
        if rules is None:
            yield from self._allowed_flavor(flavor)
            return
        if (name == "transformers" and not flavor.get("model_binary")) or any(key in flavor for key in _REMOTE_KEYS):
            yield "its weights are not in the folder: they would be downloaded, or read from elsewhere"
        for key, value in flavor.items():
            yield from self._entry(str(key), value, rules)

    def _allowed_flavor(self, flavor: Mapping[object, object]) -> Iterator[str]:
        """Scan a flavor whose loader the policy allows. It may have any keys, but its texts may not lead out of the
        folder, and the rules for code, loader, environment and configuration stay the same.
        """
        for key, value in flavor.items():
            if str(key) in _KEYS_OF_ANY_FLAVOR:
                yield from self._entry(str(key), value, _OF_ANY_FLAVOR)
            elif any(leads_out(text) for text in _texts_in(value)):
                yield f"{str(key)[:_MAX_SHOWN]} points outside the model's folder"

    def _entry(self, key: str, value: object, rules: Mapping[str, Rule]) -> Iterator[str]:
        rule = rules.get(key) or (Text() if "transformers_version" in rules and COMPONENT_KEY.fullmatch(key) else None)
        if key == "loader_module":
            yield from self._loader(value)
        elif key == "env":
            yield from self._environment(value)
        elif key == "config":
            yield from self._configuration(value)
        elif rule is None:
            yield f"Custody does not know its key {key[:_MAX_SHOWN]} or what a loader does with it"
        elif problem := self._problem(value, rule):
            yield f"{key} {problem}"
        if isinstance(rule, Structured):
            yield from self._paths_in(key, value)

    def _loader(self, value: object) -> Iterator[str]:
        if value is not None and str(value) not in LOADERS and str(value) not in self._budget.allow:
            yield f"its loader {str(value)[:_MAX_SHOWN]} is not one of MLflow's loaders that Custody knows"

    def _environment(self, value: object) -> Iterator[str]:
        paths = list(value.values()) if isinstance(value, Mapping) else [value]
        for path in paths:
            if path is not None and (not isinstance(path, str) or path not in _ENVIRONMENTS):
                yield f"its environment is {str(path)[:_MAX_SHOWN]!r}; only conda.yaml and python_env.yaml are scanned"

    def _configuration(self, value: object) -> Iterator[str]:
        unread = [value]
        while unread:
            part = unread.pop()
            if isinstance(part, Mapping):
                if forbidden := sorted({str(key) for key in part} & _FORBIDDEN_CONFIG):
                    yield f"its configuration sets {forbidden[0]}"
                unread += part.values()
            elif isinstance(part, list):
                unread += part

    def _problem(self, value: object, rule: Rule) -> str:
        """Return the problem of one value as the end of a sentence that starts with its key; "" if it has none."""
        if value is None or (value == "" and not isinstance(rule, Named)):
            return ""
        if isinstance(rule, Code):
            return (
                "names code that comes with the model" if value and not self._budget.allow_code else self._path(value)
            )
        if isinstance(rule, Path):
            return self._path(value, rule.formats, required=True)
        if isinstance(rule, Named):
            allowed = isinstance(value, str) and (rule.pattern.fullmatch(value) or value in self._budget.allow)
            return "" if allowed else f"is {str(value)[:_MAX_SHOWN]!r}, which is not allowed there"
        return rule.problem_of(value) if isinstance(rule, Structured) else ""

    def _path(self, value: object, formats: frozenset[str] = frozenset(), *, required: bool = False) -> str:
        if not isinstance(value, str) or leads_out(value):
            return "points outside the model's folder"
        if required:
            self._report.expects[str(self._folder / value)] = formats
        return ""

    def _paths_in(self, key: str, value: object) -> Iterator[str]:
        entries = value if isinstance(value, list) else list(value.values()) if isinstance(value, Mapping) else []
        for entry in entries if key in {"extra_files", "artifacts", "requirements_file"} else ():
            path = entry.get("path") if isinstance(entry, Mapping) else entry
            if not isinstance(path, str) or leads_out(path):
                yield f"{key} points outside the model's folder"
