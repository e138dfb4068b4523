"""Scans a text file, by its name and its content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import BinaryIO

from validation.scanning.report import Budget, FileReport, Unsafe
from validation.scanning.signatures import name_on_disk
from validation.scanning.text.environments import scan_environment, scan_requirements
from validation.scanning.text.json_files import scan_json
from validation.scanning.text.mlmodel import scan_mlmodel
from validation.scanning.text.plain import MAX_TEXT, is_text, reaches_python, read_text
from validation.scanning.text.yaml_files import require_plain_yaml

_BY_NAME: dict[str, Callable[[FileReport, BinaryIO], None]] = {
    "conda.yaml": scan_environment,
    "python_env.yaml": scan_environment,
    "constraints.txt": scan_requirements,
}
# The files from which MLflow's loaders read the name of a module to import, and the names that MLflow itself writes.
_MODULE_FILES = {
    "pickle_module_info.txt": frozenset({"mlflow.pytorch.pickle_module", "pickle", "cloudpickle", "dill"}),
    "keras_module.txt": frozenset({"keras", "tensorflow.keras", "tensorflow.python.keras", "tf_keras"}),
    "save_format.txt": frozenset({"h5", "tf", "keras"}),
}
_JSON_SUFFIXES = frozenset({".json", ".ipynb", ".jsonl", ".ndjson", ".webmanifest"})
_YAML_SUFFIXES = frozenset({".yaml", ".yml"})
_ANY_ENCODING = frozenset({".csv", ".tsv", ".txt", ".md"})
_TEMPLATE_SUFFIXES = frozenset({".jinja", ".jinja2", ".j2", ".tmpl", ".tpl"})
_HEAD = 4096


def scan_text(report: FileReport, stream: BinaryIO, budget: Budget) -> bool:
    """Scan a text file. Return False for a file that is not text, which is not scanned.

    Raises Unsafe if the file is rejected.
    """
    name = name_on_disk(PurePosixPath(report.name).name)
    suffix = PurePosixPath(name.lower()).suffix
    if not is_text(stream, budget, any_encoding=suffix in _ANY_ENCODING):
        return False
    stream.seek(0)
    if name == "mlmodel":
        scan_mlmodel(report, stream, budget)
    elif name in _BY_NAME:
        _BY_NAME[name](report, stream)
    elif name.startswith("requirements") and suffix == ".txt":
        scan_requirements(report, stream)
    elif name in _MODULE_FILES:
        _scan_module_file(report, read_text(stream), _MODULE_FILES[name], budget)
    else:
        _scan_by_suffix(report, stream, budget, suffix)
    return True


def _scan_by_suffix(report: FileReport, stream: BinaryIO, budget: Budget, suffix: str) -> None:
    if suffix in _YAML_SUFFIXES:
        report.format = "YAML"
        require_plain_yaml(read_text(stream))
    elif suffix in _TEMPLATE_SUFFIXES:
        report.format = "text"
        if reaches_python(read_text(stream)):
            raise Unsafe("as a template it reaches into Python's own objects")
    elif suffix in _JSON_SUFFIXES or _starts_like_json(stream):
        scan_json(report, stream, budget, lines=suffix in {".jsonl", ".ndjson"})
    else:
        _scan_other(report, stream)


def _starts_like_json(stream: BinaryIO) -> bool:
    head = stream.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")
    stream.seek(0)
    return head[:1] in {b"{", b"["} or head[:2] == b'"{'


def _scan_module_file(report: FileReport, text: str, allowed: frozenset[str], budget: Budget) -> None:
    report.format = "text"
    if text.strip() not in allowed and text.strip() not in budget.allow:
        raise Unsafe(f"it names {text.strip()[:100]!r}, which a loader would import")


def _scan_other(report: FileReport, stream: BinaryIO) -> None:
    """Scan a text that is none of the known files."""
    report.format = "text"
    head = stream.read(MAX_TEXT)
    if head.lstrip().startswith(b"<") and b"<!ENTITY" in head.upper():
        raise Unsafe("it declares XML entities, which can read other files")
