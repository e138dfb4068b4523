"""Reading a Hugging Face README.md: YAML front matter and the headings of its card template."""

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
_MOST_RESULTS = 200
# What a card says by itself when it is registered, and headings that only hold others.
_GENERATED = {"measured", "datasets", "provenance"}
_READ = frozenset(
    {
        "language", "license", "license_name", "license_link", "pipeline_tag", "base_model", "model-index", "tags",
        "model_name", "library_name", "datasets", "metrics",
    }
)  # fmt: skip
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


def from_huggingface(data: bytes) -> Imported:
    """Return the fields of a README.md. Raises InvalidInput, TooLarge."""
    imported, text = begin("huggingface", data)
    text = text.replace("\r\n", "\n")
    found = _FRONT.match(text)
    front = _front_matter(found[1]) if found else {}
    parts = parts_of(text[found.end() :] if found else text)
    _take_body(imported, parts)
    _take_front(imported, front)
    if not imported.fields:
        raise InvalidInput(
            "This README.md says nothing that a card has a place for: no known heading, no front matter."
        )
    return imported


def _front_matter(text: str) -> dict[str, Any]:
    try:
        data = yaml.load(text, Loader=SafeLoader)  # noqa: S506 - a SafeLoader that refuses aliases
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"The front matter cannot be read as YAML: {' '.join(str(error).split())[:300]}") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidInput("The front matter must be a mapping of names to values.")
    return {str(key): value for key, value in data.items()}


def _take_body(imported: Imported, parts: list[Part]) -> None:
    """Take the sections; prose under the title is the overview where no section is."""
    named = [part for part in parts if part.level > 1 and part.title.lower() not in _GENERATED]
    take_parts(imported, named, TITLES)
    lead = "\n\n".join(_OWN_LINE.sub("", part.text).strip() for part in parts if part.level <= 1)
    imported.take("overview", lead.strip())


def _take_front(imported: Imported, front: dict[str, Any]) -> None:
    licence = line_of(front.get("license"))
    imported.take("licence", line_of(front.get("license_name")) if licence in ("", "other") else licence)
    imported.take("task", line_of(front.get("pipeline_tag")))
    imported.take("languages", _texts(front.get("language")))
    imported.take("base_models", _texts(front.get("base_model")))
    if "custody" not in _texts(
        front.get("tags")
    ):  # ours repeats what was measured here, and the slices stand in a table
        imported.take("slices", list(_results(front.get("model-index"))))
    imported.report_keys("front matter: ", front, _READ)


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [text for text in (line_of(item) for item in items) if text]


def _results(index: object) -> Iterator[dict[str, str]]:
    """Yield a row for each metric of a model-index, as many as a card holds."""
    found = 0
    for result in _maps(_maps(index), "results"):
        dataset = result.get("dataset")
        where = dataset if isinstance(dataset, dict) else {}
        for metric in _maps([result], "metrics"):
            value = metric.get("value")
            if not isinstance(value, int | float | str) or isinstance(value, bool) or found >= _MOST_RESULTS:
                continue
            found += 1
            row = {
                "metric": line_of(metric.get("name") or metric.get("type")),
                "slice": " ".join(line_of(where.get(key)) for key in ("name", "config", "split") if where.get(key)),
                "value": line_of(value),
                "dataset_digest": line_of(where.get("revision")),
            }
            yield from columns_of("slices", [row])


def _maps(value: object, key: str = "") -> list[dict[str, Any]]:
    """Return the mappings of a list; with a key, those of the lists that stand under it in each."""
    items = value if isinstance(value, list) else []
    maps = [item for item in items if isinstance(item, dict)]
    return maps if not key else [inner for item in maps for inner in _maps(item.get(key))]
