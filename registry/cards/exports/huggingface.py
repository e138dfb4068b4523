"""A card as a Hugging Face README.md: YAML front matter with a model-index, then Markdown.

Format: https://huggingface.co/docs/hub/model-cards and the card template of `huggingface_hub`. The headings are those
of the template, so that `registry.cards.imports.huggingface` and other programs can read the parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from registry.cards.document import CardSource
from registry.cards.exports.shapes import finite_number
from registry.cards.fields import BY_KEY, Kind

# The parts in order: level of the heading, heading, field. A part without a field is a heading above other parts.
PARTS: tuple[tuple[int, str, str], ...] = (
    (2, "Model Details", ""),
    (3, "Model Description", "overview"),
    (3, "Owners", "owners"),
    (2, "Uses", ""),
    (3, "Direct Use", "intended_use"),
    (3, "Users", "users"),
    (3, "Out-of-Scope Use", "out_of_scope"),
    (3, "Misuse", "misuse"),
    (3, "Instructions for Deployers", "deployer_instructions"),
    (2, "Bias, Risks, and Limitations", ""),
    (3, "Limitations", "limitations"),
    (3, "Failure Modes", "failure_modes"),
    (3, "Trade-offs", "tradeoffs"),
    (3, "Ethical Considerations", "ethical_considerations"),
    (3, "Fairness", "fairness"),
    (3, "Human Oversight", "human_oversight"),
    (2, "Training Details", ""),
    (3, "Training Data", "training_data"),
    (3, "Training Procedure", "training_procedure"),
    (2, "Evaluation", ""),
    (3, "Testing Data, Factors & Metrics", "evaluation_procedure"),
    (3, "Factors", "evaluation_groups"),
    (3, "Results by Slice", "slices"),
    (2, "Environmental Impact", "environmental"),
    (2, "Technical Specifications", ""),
    (3, "Model Architecture and Objective", "design_choices"),
    (3, "Hardware", "hardware"),
    (3, "Interactions", "interactions"),
    (2, "Monitoring", "monitoring_plan"),
    (2, "Predetermined Changes", "predetermined_changes"),
    (2, "Changes", "lifecycle_changes"),
    (2, "References", "references"),
    (2, "Citation", "citation"),
    (2, "Model Card Contact", "contact"),
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def to_huggingface(card: CardSource) -> str:
    """Return the README.md of a card."""
    front = yaml.safe_dump(_front_matter(card), sort_keys=False, allow_unicode=True, width=10_000)
    body = "\n".join(_markdown(card))
    return f"---\n{front}---\n\n{body}"


def _front_matter(card: CardSource) -> dict[str, Any]:
    licence = card.text("licence")
    is_identifier = re.fullmatch(r"[a-z0-9][a-z0-9.+-]*", licence.lower()) is not None
    front: dict[str, Any] = {
        "language": card.items("languages"),
        "license": (licence.lower() if is_identifier else "other") if licence else "",
        "license_name": "" if is_identifier else licence,
        "library_name": _library(card),
        "pipeline_tag": card.text("task"),
        "tags": sorted({"custody", *([f"risk-tier:{card.tier}"] if card.tier else [])}),
        "base_model": [name for name in card.items("base_models") if _REPOSITORY.fullmatch(name)],
        "datasets": sorted({row["name"] for row in card.rows("data") if _REPOSITORY.fullmatch(row.get("name", ""))}),
        "metrics": sorted({row["metric"] for row in card.rows("evaluation")}),
        "model_name": card.model,
        "model-index": [{"name": card.model, "results": list(_results(card))}],
    }
    filled = {key: value for key, value in front.items() if value not in ("", [])}
    if not filled["model-index"][0]["results"]:
        del filled["model-index"]
    return filled


def _library(card: CardSource) -> str:
    flavours = str(card.facts("framework").get("flavors", "")).split(", ")
    names = [name for name in flavours if name and name != "python_function"]
    return {"sklearn": "scikit-learn"}.get(names[0], names[0]) if names else ""


def _results(card: CardSource) -> Iterator[dict[str, Any]]:
    """Yield a result for each measured value that is a finite number. `huggingface_hub` reads one metric a result."""
    task = card.text("task") or "other"
    for row in [*card.rows("evaluation"), *card.rows("slices")]:
        value = finite_number(row.get("value", ""))
        if value is None:
            continue
        dataset = {"type": row.get("dataset") or "unknown", "name": row.get("dataset") or "unknown"}
        if digest := row.get("dataset_digest"):
            dataset["revision"] = digest
        if config := row.get("config"):
            dataset["config"] = config
        if split := row.get("split") or row.get("slice"):
            dataset["split"] = split
        metric = {"type": row.get("metric", "unknown"), "name": row.get("metric", "unknown"), "value": value}
        yield {"task": {"type": task}, "dataset": dataset, "metrics": [metric]}


def _markdown(card: CardSource) -> Iterator[str]:
    yield f"# Model Card for {card.model}"
    yield ""
    yield f"Version {card.version}, card revision {card.number} (`sha256:{card.digest}`)."
    yield ""
    parent_heading: list[str] = []
    for level, title, key in PARTS:
        heading = [f"{'#' * level} {title}", ""]
        text = _part(card, key) if key else ""
        if key and not text:
            continue
        if not key:
            parent_heading = heading
            continue
        if level == 2:  # noqa: PLR2004 - a heading of the second level ends the part above it
            parent_heading = []
        yield from [*parent_heading, *heading, text, ""]
        parent_heading = []
    yield from _automatic(card)


def _part(card: CardSource, key: str) -> str:
    field = BY_KEY[key]
    if field.kind is Kind.LIST:
        return "\n".join(f"- {item}" for item in card.items(key))
    if field.kind is Kind.ROWS:
        return _table(card.rows(key), field.columns)
    return _below(card.text(key))


def _below(text: str) -> str:
    """Return Markdown with its headings at the fourth level, below the headings of the parts."""
    return re.sub(r"^(#{1,3})(?=\s)", "####", text, flags=re.MULTILINE)


def _automatic(card: CardSource) -> Iterator[str]:
    measured = card.rows("evaluation")
    if measured:
        yield from ["## Measured", "", _table(measured, ("metric", "value", "dataset", "dataset_digest")), ""]
    data = card.rows("data")
    if data:
        yield from ["## Datasets", "", _table(data, ("name", "digest", "role")), ""]
    facts = {"artifact": card.artifact_digest, "run": card.run_id, **card.facts("code")}
    lines = [f"- {name}: `{value}`" for name, value in facts.items() if value]
    yield from ["## Provenance", "", *lines, ""]


def _table(rows: list[dict[str, str]], columns: tuple[str, ...]) -> str:
    filled_columns = [column for column in columns if any(row.get(column) for row in rows)]
    if not filled_columns:
        return ""
    lines = [" | ".join(filled_columns), " | ".join("---" for _ in filled_columns)]
    lines += [" | ".join(row.get(column, "").replace("|", "\\|") for column in filled_columns) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)
