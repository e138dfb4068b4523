"""Reads Python and packages of a model's environment from the files that MLflow writes beside the model."""

from __future__ import annotations

import logging
import re

import yaml

from core.errors import InvalidInput, NotFound, TooLarge
from registry.mlmodel import SafeLoader
from tracking.artifacts import read_artifact

_MAX_BYTES = 200_000
_MAX_PACKAGES = 300
_PYTHON = re.compile(r"[0-9][0-9A-Za-z.+-]{0,30}")
log = logging.getLogger(__name__)


def read_environment(folder: str) -> dict[str, object]:
    """Return ``python`` (a version) and ``packages`` (pip requirements) of a model folder; a missing one is absent."""
    environment: dict[str, object] = {}
    if python := _python(folder):
        environment["python"] = python
    if packages := _packages(folder):
        environment["packages"] = packages
    return environment


def _python(folder: str) -> str:
    try:
        data = yaml.load(_read(folder, "python_env.yaml"), Loader=SafeLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        log.warning("%s/python_env.yaml cannot be read: %s", folder, error)
        return ""
    version = str(data.get("python", "")) if isinstance(data, dict) else ""
    return version if _PYTHON.fullmatch(version) else ""


def _packages(folder: str) -> list[str]:
    text = _read(folder, "requirements.txt").decode("utf-8", "replace").replace("\x00", "")
    lines = [line.split(" #", 1)[0].strip()[:200] for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "-"))][:_MAX_PACKAGES]


def _read(folder: str, name: str) -> bytes:
    try:
        return read_artifact(f"{folder}/{name}", _MAX_BYTES)
    except (NotFound, InvalidInput, TooLarge) as error:
        log.debug("no %s in %s: %s", name, folder, error)
        return b""
