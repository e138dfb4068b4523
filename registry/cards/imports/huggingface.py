"""Import of a Hugging Face README.md: its YAML front matter, and the parts under the headings of the card template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from core.errors import InvalidInput
from registry.cards.exports.huggingface import PARTS
from registry.cards.imports.base import Imported, begin, columns_of, line_of
from registry.cards.imports.markdown import BY_TITLE, Part, parts_of, take_parts
from registry.mlmodel import SafeLoader

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_MAX_RESULTS = 200
# Headings that this server generates, and headings that only contain others.
_GENERATED = {"measured", "datasets", "provenance"}
_RESULT, _METRIC = "model-index[].results[].", "model-index[].results[].metrics[]."
_READ = frozenset(
    {
        *("language", "language[]", "license", "license[]", "license_name", "license_name[]", "pipeline_tag"),
        *(
            "base_model",
            "base_model[]",
            *(f"{_RESULT}dataset.{key}" for key in ("name", "config", "split", "revision")),
        ),
        *(f"{_METRIC}{key}" for key in ("value", "name", "type")),
    }
)
# In a card that this server exported these keys repeat values that it measured, and the slices are in a table.
_REPEATED = frozenset({"model-index[", "tags[", "model_name", "library_name", "datasets[", "metrics["})
_OWN_LINE = re.compile(r"Version \d+, card revision \d+ \(`sha256:[0-9a-f]{64}`\)\.")
TITLES = {
    **BY_TITLE,
    **{title.lower(): key for _, title, key in PARTS if key},
    "bias, risks, and limitations": "limitations",
    "bias, risks and limitations": "limitations",
    "intended uses": "intended_use",
    "intended uses & limitations": "intended_use",
    "recommendations": "tradeoffs",
    "testing data": "evaluation_procedure",
    "training hyperparameters": "training_procedure",
    "model card authors": "owners",
    "compute infrastructure": "hardware",
}


class _FrontLoader(SafeLoader):
    """Reads YAML 1.2, as the Hub does: `no`, `12:30` and `2024-01-01` are texts."""


_FrontLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    _FrontLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""] if _tag == "null" else [*_first]
    )


def from_huggingface(data: bytes) -> Imported:
    """Return the fields of a README.md. Raises InvalidInput, TooLarge."""
    imported, text = begin("huggingface", data)
    text = text.replace("\r\n", "\n")
    front_matter = _FRONT.match(text)
    front = _front_matter(front_matter[1]) if front_matter else {}
    parts = parts_of(text[front_matter.end() :] if front_matter else text)
    _take_body(imported, parts)
    _take_front(imported, front)
    if not imported.fields:
        raise InvalidInput("This README.md has nothing to import: no known heading and no front matter.")
    return imported


def _front_matter(text: str) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=_FrontLoader)  # noqa: S506 - a SafeLoader that refuses aliases
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The front matter cannot be read as YAML: {' '.join(str(error).split())[:300]}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidInput("The front matter must be a mapping of names to values.")
    return {str(key): value for key, value in data.items()}


def _take_body(imported: Imported, parts: list[Part]) -> None:
    """Take the parts. The text under the title is the overview where no part has that heading."""
    titled = [part for part in parts if part.level > 1 and part.title.lower() not in _GENERATED]
    take_parts(imported, titled, TITLES)
    lead = "\n\n".join(_OWN_LINE.sub("", part.text).strip() for part in parts if part.level <= 1)
    imported.take("overview", lead.strip())


def _take_front(imported: Imported, front: dict[str, Any]) -> None:
    licences = [text for text in _texts(front.get("license")) if text != "other"]
    imported.take_line("licence", [*licences, *_texts(front.get("license_name"))])
    imported.take("task", line_of(front.get("pipeline_tag")))
    imported.take("languages", _texts(front.get("language")))
    imported.take("base_models", _texts(front.get("base_model")))
    is_own_export = "custody" in _texts(front.get("tags"))
    if not is_own_export:
        imported.take("slices", list(_results(imported, front.get("model-index"))))
    imported.report_rest("front matter: ", front, _READ | _REPEATED if is_own_export else _READ)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [text for text in (line_of(item) for item in items) if text]


def _results(imported: Imported, index: object) -> Iterator[dict[str, str]]:
    """Yield a row for each metric of a model-index, at most _MAX_RESULTS, and report the parts left out."""
    count = 0
    for result in _maps(_maps(index), "results"):
        dataset = result.get("dataset")
        dataset_keys = dataset if isinstance(dataset, dict) else {}
        count_before = count
        for metric in _maps([result], "metrics"):
            value = metric.get("value")
            name, kind = line_of(metric.get("name")), line_of(metric.get("type"))
            if not isinstance(value, int | float | str) or isinstance(value, bool) or count >= _MAX_RESULTS:
                imported.report(f"front matter: {_METRIC}value of {name or kind or 'a metric'}")
                continue
            if name and kind and name != kind:
                imported.report(f"front matter: {_METRIC}type {kind}")
            count += 1
            row = {
                "metric": name or kind,
                "slice": " ".join(
                    line_of(dataset_keys.get(key)) for key in ("name", "config", "split") if dataset_keys.get(key)
                ),
                "value": line_of(value),
                "dataset_digest": line_of(dataset_keys.get("revision")),
                "dataset": line_of(dataset_keys.get("name")),
                "config": line_of(dataset_keys.get("config")),
                "split": line_of(dataset_keys.get("split")),
            }
            yield from columns_of("slices", [row])
        if count == count_before:
            imported.report_rest(f"front matter: {_RESULT}", result, frozenset())


def _maps(value: object, key: str = "") -> list[dict[str, Any]]:
    """Return the mappings of a list. With a key, return the mappings of the lists under that key in each of them."""
    items = value if isinstance(value, list) else []
    maps = [item for item in items if isinstance(item, dict)]
    return maps if not key else [inner for item in maps for inner in _maps(item.get(key))]
