"""Reads an MLmodel file, which is untrusted YAML: the size is limited, and only plain data are loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from core.errors import NotFound, TooLarge
from tracking.artifacts import read_artifact

MAX_BYTES = 1_000_000
_MAX_COLUMNS = 500
_MAX_TEXT = 300
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MLmodel:
    """The parts of an MLmodel file that a card shows; a part that the file lacks is empty."""

    signature: dict[str, list[dict[str, str]]]
    framework: dict[str, str]


class SafeLoader(yaml.SafeLoader):
    """A safe loader that also refuses aliases, because a few lines with aliases can expand to gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node. Raises YAMLError for an alias."""
        if self.check_event(yaml.events.AliasEvent):
            msg = "YAML aliases are not allowed"
            raise yaml.YAMLError(msg)
        return super().compose_node(parent, index)


def read_mlmodel(path: str) -> MLmodel | None:
    """Return the MLmodel file at an artifact path, None where there is no file or it cannot be read."""
    try:
        data = yaml.load(read_artifact(path, MAX_BYTES), Loader=SafeLoader)  # noqa: S506 - a SafeLoader
    except NotFound:
        return None
    except (TooLarge, yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        log.warning("%s cannot be read: %s", path, error)
        return None
    return _parsed(data) if isinstance(data, Mapping) else None


def _parsed(data: Mapping[Any, Any]) -> MLmodel:
    signature = data.get("signature")
    sides = signature if isinstance(signature, Mapping) else {}
    columns = {side: _columns(sides.get(side)) for side in ("inputs", "outputs", "params")}
    return MLmodel(signature={side: types for side, types in columns.items() if types}, framework=_framework(data))


def _columns(raw: object) -> list[dict[str, str]]:
    """Return name and type of each column. MLflow writes the columns as JSON inside the YAML."""
    try:
        listed = orjson.loads(raw) if isinstance(raw, str) else raw
    except orjson.JSONDecodeError:
        return []
    if not isinstance(listed, list):
        return []
    return [
        {"name": _text(column.get("name", f"column {number}")), "type": _type_of(column)}
        for number, column in enumerate(listed[:_MAX_COLUMNS], start=1)
        if isinstance(column, Mapping)
    ]


def _type_of(column: Mapping[Any, Any]) -> str:
    tensor = column.get("tensor-spec")
    if isinstance(tensor, Mapping):
        return _text(f"{tensor.get('dtype', 'tensor')}{tensor.get('shape', '')}")
    return _text(column.get("type", ""))


def _framework(data: Mapping[Any, Any]) -> dict[str, str]:
    flavors = data.get("flavors")
    by_name = flavors if isinstance(flavors, Mapping) else {}
    framework = {"flavors": ", ".join(sorted(_text(name) for name in list(by_name)[:50]))}
    for name, content in list(by_name.items())[:50]:
        if isinstance(content, Mapping):
            facts = {"version": content.get(f"{name}_version"), "python": content.get("python_version")}
            framework |= {f"{_text(name)} {fact}": _text(value) for fact, value in facts.items() if value}
    framework["mlflow"] = _text(data.get("mlflow_version", ""))
    return {key: value for key, value in framework.items() if value}


def _text(value: object) -> str:
    return str(value).replace("\x00", "")[:_MAX_TEXT]
