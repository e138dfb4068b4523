"""Reading the modelCard of a CycloneDX document (1.5 and later), and our own properties in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.errors import InvalidInput
from registry.cards.exports.cyclonedx import PREFIX
from registry.cards.fields import BY_KEY
from registry.cards.imports.base import (
    Imported,
    begin,
    block_of,
    columns_of,
    described,
    line_of,
    list_of,
    parsed_json,
    text_of,
)
from registry.cards.values import from_lines

_CARD = frozenset({"bom-ref", "modelParameters", "quantitativeAnalysis", "considerations", "properties"})
_PARAMETERS = frozenset(
    {"approach", "task", "architectureFamily", "modelArchitecture", "datasets", "inputs", "outputs"}
)
_CONSIDERATIONS = frozenset(
    {
        "users", "useCases", "technicalLimitations", "performanceTradeoffs", "ethicalConsiderations",
        "environmentalConsiderations", "fairnessAssessments",
    }
)  # fmt: skip


def from_cyclonedx(data: bytes) -> Imported:
    """Return the fields of the first model card of a CycloneDX JSON document. Raises InvalidInput, TooLarge."""
    imported, text = begin("cyclonedx", data)
    document = parsed_json(text)
    if document.get("bomFormat") != "CycloneDX":
        raise InvalidInput('This JSON is no CycloneDX document: "bomFormat" is missing.')
    models = list(_models(document))
    if not models:
        raise InvalidInput("This CycloneDX document has no machine-learning-model with a modelCard.")
    for other in models[1:]:
        imported.report(f"component {line_of(other.get('name'))}: only the first model card is read")
    if document.get("declarations"):
        imported.report("declarations: approvals are given here, not imported")
    _component(imported, models[0])
    return imported


def _models(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    listed = [block_of(block_of(document, "metadata"), "component"), *list_of(document, "components")]
    for component in listed:
        if isinstance(component, dict) and isinstance(component.get("modelCard"), dict):
            yield component


def _component(imported: Imported, component: dict[str, Any]) -> None:
    card = component["modelCard"]
    imported.report_keys("modelCard.", card, _CARD)
    _properties(imported, card)
    imported.take("overview", text_of(component.get("description")))
    authors = [item for item in list_of(component, "authors") if isinstance(item, dict)]
    imported.take("owners", [line_of(author.get("name")) for author in authors if line_of(author.get("name"))])
    imported.take("licence", ", ".join(_licences(component))[:1000])
    _parameters(imported, block_of(card, "modelParameters"))
    _analysis(imported, block_of(card, "quantitativeAnalysis"))
    _considerations(imported, block_of(card, "considerations"))


def _licences(component: dict[str, Any]) -> Iterator[str]:
    for item in list_of(component, "licenses"):
        if not isinstance(item, dict):
            continue
        named = block_of(item, "license")
        if name := line_of(named.get("id") or named.get("name") or item.get("expression")):
            yield name


def _parameters(imported: Imported, block: dict[str, Any]) -> None:
    imported.report_keys("modelParameters.", block, _PARAMETERS)
    approach = line_of(block_of(block, "approach").get("type"))
    if approach in BY_KEY["approach"].choices:
        imported.take("approach", approach)
    imported.take("task", line_of(block.get("task")))
    imported.take("architecture_family", line_of(block.get("architectureFamily")))
    imported.take("architecture", line_of(block.get("modelArchitecture")))


def _analysis(imported: Imported, block: dict[str, Any]) -> None:
    rows = [_row(item) for item in list_of(block, "performanceMetrics") if isinstance(item, dict)]
    imported.take("slices", columns_of("slices", rows))
    imported.report_keys("quantitativeAnalysis.", block, frozenset({"performanceMetrics"}))


def _row(metric: dict[str, Any]) -> dict[str, str]:
    ends = block_of(metric, "confidenceInterval")
    low, high = line_of(ends.get("lowerBound")), line_of(ends.get("upperBound"))
    return {
        "metric": line_of(metric.get("type")),
        "slice": line_of(metric.get("slice")),
        "value": line_of(metric.get("value")),
        "ci": f"[{low}, {high}]" if low and high else "",
    }


def _considerations(imported: Imported, block: dict[str, Any]) -> None:
    imported.report_keys("considerations.", block, _CONSIDERATIONS)
    imported.take("users", [" ".join(text.split()) for text in described(list_of(block, "users"))])
    texts = (
        ("useCases", "intended_use"),
        ("technicalLimitations", "limitations"),
        ("performanceTradeoffs", "tradeoffs"),
    )
    for theirs, ours in texts:
        imported.take(ours, "\n\n".join(described(list_of(block, theirs))))
    for theirs, ours, names in (
        ("ethicalConsiderations", "ethical_considerations", {"name": "name", "mitigationStrategy": "mitigation"}),
        (
            "fairnessAssessments",
            "fairness",
            {"groupAtRisk": "group", "benefits": "benefits", "harms": "harms", "mitigationStrategy": "mitigation"},
        ),
    ):
        items = [item for item in list_of(block, theirs) if isinstance(item, dict)]
        rows = [{to: line_of(item.get(name)) for name, to in names.items()} for item in items]
        imported.take(ours, columns_of(ours, rows))
    if block.get("environmentalConsiderations"):
        imported.report("considerations.environmentalConsiderations")


def _properties(imported: Imported, card: dict[str, Any]) -> None:
    """Take the properties that our export wrote; report those of others."""
    for item in list_of(card, "properties"):
        name = line_of(item.get("name")) if isinstance(item, dict) else ""
        field = BY_KEY.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
        if field is not None and field.human:
            imported.take(field.key, from_lines(field, text_of(item.get("value"))))
        elif not name.startswith("custody:"):
            imported.report(f"property {name}")
