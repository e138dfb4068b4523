"""Scans files that say what is installed for a model. They may name packages of the default index, nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

from validation.scanning.report import FileReport, Unsafe
from validation.scanning.text.plain import read_text
from validation.scanning.text.yaml_files import load_yaml

# The name of a package with extras, versions, a marker and checksums: no path, no URL, no option.
_VERSION = r"\s*(?:[<>=!~]=?=?\s*[A-Za-z0-9.*+!_-]+)"
_PLAIN = re.compile(
    r"(?:[A-Za-z0-9_-]+::)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?(?:\s*\[[A-Za-z0-9,._ -]*\])?"
    rf"\s*\(?(?:{_VERSION}(?:\s*,{_VERSION})*)?\s*\)?(?:={{1}}[A-Za-z0-9_.*]+)?\s*(?:;[^@/\\]*)?(?:\s+--hash=[a-z0-9]+:[0-9a-f]+)*\s*\\?"
)
_ARCHIVES = (".whl", ".zip", ".egg", ".gz", ".tgz", ".bz2", ".tar", ".xz", ".py")
_HASH = re.compile(r"--hash=[a-z0-9]+:[0-9a-f]+\s*\\?")
_CHANNEL = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/label/[A-Za-z0-9_.-]+)?")
_CONDA_KEYS = frozenset({"name", "channels", "dependencies", "prefix"})
_VENV_KEYS = frozenset({"python", "build_dependencies", "dependencies"})
# Lines that MLflow writes to include another file of the same folder. That file is scanned as well.
_INCLUDES = frozenset({"-r requirements.txt", "-c constraints.txt"})


def scan_requirements(report: FileReport, stream: BinaryIO) -> None:
    """Scan a requirements file."""
    report.format = "requirements"
    report.problems += _requirement_problems(read_text(stream).splitlines())


def scan_environment(report: FileReport, stream: BinaryIO) -> None:
    """Scan conda.yaml or python_env.yaml. They may also name channels, but not by URL.

    Raises Unsafe if the file is no mapping.
    """
    report.format = "environment"
    body = load_yaml(read_text(stream))
    if not isinstance(body, Mapping):
        raise Unsafe("it is not an environment")
    for key in sorted(str(key) for key in body if key not in _CONDA_KEYS | _VENV_KEYS):
        report.problems.append(f"Custody does not know its key {key[:100]}")
    for channel in _list(body.get("channels")):
        if not _CHANNEL.fullmatch(str(channel)):
            report.problems.append(f"it installs from {str(channel)[:100]}")
    for dependency in [*_list(body.get("dependencies")), *_list(body.get("build_dependencies"))]:
        lines = _list(dependency.get("pip")) if isinstance(dependency, Mapping) else [dependency]
        report.problems += _requirement_problems([str(line) for line in lines])


def _requirement_problems(lines: Iterable[str]) -> list[str]:
    uncommented = (line.split(" #")[0].strip() for line in lines)
    return [f"it installs from elsewhere: {line[:100]}" for line in uncommented if line and not _is_plain(line)]


def _is_plain(line: str) -> bool:
    """Return whether a line is a comment, a checksum, the name of a package, or one of _INCLUDES."""
    if line.startswith("#") or line in _INCLUDES or _HASH.fullmatch(line):
        return True
    name = re.split(r"[\s;\[=<>!~(]", line, maxsplit=1)[0]
    return _PLAIN.fullmatch(line) is not None and not name.lower().endswith(_ARCHIVES)


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
