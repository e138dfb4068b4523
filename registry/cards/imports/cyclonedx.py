"""Import of the modelCard of a CycloneDX document (1.5 and later), with the properties that Custody's export adds."""

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
    interval_of,
    line_of,
    list_of,
    parsed_json,
    text_of,
)
from registry.cards.values import from_lines

# Keys that identify the component. They are not imported, because the version here has its own name and number.
_IDENTITY = frozenset({"type", "bom-ref", "name", "version", "modelCard."})
_COMPONENT = _IDENTITY | {
    *("description", "authors[].name", "author", "publisher", "supplier.name", "manufacturer.name"),
    *("licenses[].license.id", "licenses[].license.name", "licenses[].expression"),
    *("externalReferences[].url", "externalReferences[].type"),
}
_RESULTS, _RISKS, _GROUPS = (
    "quantitativeAnalysis.performanceMetrics[].",
    "considerations.ethicalConsiderations[].",
    "considerations.fairnessAssessments[].",
)
_TEXTS = ("users", "useCases", "technicalLimitations", "performanceTradeoffs")
_CARD = frozenset(
    {
        *("bom-ref", "properties[", "modelParameters.approach.type", "modelParameters.task"),
        *("modelParameters.architectureFamily", "modelParameters.modelArchitecture"),
        *(f"{_RESULTS}{key}" for key in ("type", "value", "slice")),
        *(f"{_RESULTS}confidenceInterval.{key}" for key in ("lowerBound", "upperBound")),
        *(f"considerations.{key}[]" for key in _TEXTS),
        *(f"considerations.{key}[].description" for key in _TEXTS),
        *(f"{_RISKS}{key}" for key in ("name", "mitigationStrategy")),
        *(f"{_GROUPS}{key}" for key in ("groupAtRisk", "benefits", "harms", "mitigationStrategy")),
    }
)
# In a document that this server exported these keys repeat values that it measured.
_REPEATED = frozenset({"hashes[", "modelParameters.datasets[", "modelParameters.inputs[", "modelParameters.outputs["})
_DOCUMENT = frozenset(
    {"bomFormat", "specVersion", "serialNumber", "version", "$schema", "metadata.timestamp", "metadata.component.", "components[", "declarations."}
)  # fmt: skip


def from_cyclonedx(data: bytes) -> Imported:
    """Return the fields of the first model card of a CycloneDX JSON document. Raises InvalidInput, TooLarge."""
    imported, text = begin("cyclonedx", data)
    document = parsed_json(text)
    if document.get("bomFormat") != "CycloneDX":
        raise InvalidInput('This JSON is not a CycloneDX document: "bomFormat" is missing.')
    models = list(_models(document))
    if not models:
        raise InvalidInput("This CycloneDX document has no machine-learning-model with a modelCard.")
    for other in models[1:]:
        imported.report(f"component {line_of(other.get('name'))}: only the first model card is read")
    if document.get("declarations"):
        imported.report("declarations: approvals cannot be imported")
    properties = _property_list(models[0]["modelCard"])
    is_own_export = any(line_of(item.get("name")) == "custody:card" for item in properties)
    imported.report_rest("", document, _DOCUMENT)
    if not is_own_export:
        _other_components(imported, document)
    _component(imported, models[0], _REPEATED if is_own_export else frozenset())
    return imported


def _other_components(imported: Imported, document: dict[str, Any]) -> None:
    for item in list_of(document, "components"):
        if isinstance(item, dict) and not isinstance(item.get("modelCard"), dict) and line_of(item.get("name")):
            imported.report(f"component {line_of(item['name'])}: it is not a model")


def _property_list(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in list_of(block, "properties") if isinstance(item, dict)]


def _models(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    listed = [block_of(block_of(document, "metadata"), "component"), *list_of(document, "components")]
    for component in listed:
        if isinstance(component, dict) and isinstance(component.get("modelCard"), dict):
            yield component


def _component(imported: Imported, component: dict[str, Any], repeated: frozenset[str]) -> None:
    card = component["modelCard"]
    imported.report_rest("modelCard.", card, _CARD | repeated)
    imported.report_rest("component.", component, _COMPONENT | {"properties["} | repeated)
    if not repeated and (number := line_of(component.get("version"))):
        imported.report(f"component.version {number}: this registry numbers its versions itself")
    for item in _property_list(component):
        imported.report(f"property {line_of(item.get('name'))}")
    _properties(imported, card)
    imported.take("overview", text_of(component.get("description")))
    imported.take("owners", list(dict.fromkeys(filter(None, _people(component)))))
    if not repeated or "licence" not in imported.fields:  # the property of our export has the licence as it was written
        imported.take_line("licence", _licences(component))
    links = [item for item in list_of(component, "externalReferences") if isinstance(item, dict)]
    imported.take("references", [line_of(link.get("url")) for link in links if line_of(link.get("url"))])
    _parameters(imported, block_of(card, "modelParameters"))
    _analysis(imported, block_of(card, "quantitativeAnalysis"))
    _considerations(imported, block_of(card, "considerations"))


def _people(component: dict[str, Any]) -> Iterator[str]:
    for author in list_of(component, "authors"):
        yield line_of(author.get("name")) if isinstance(author, dict) else ""
    yield line_of(component.get("author"))
    yield line_of(component.get("publisher"))
    for role in ("supplier", "manufacturer"):
        yield line_of(block_of(component, role).get("name"))


def _licences(component: dict[str, Any]) -> Iterator[str]:
    for item in list_of(component, "licenses"):
        if not isinstance(item, dict):
            continue
        licence = block_of(item, "license")
        yield from (line_of(licence.get("id")), line_of(licence.get("name")), line_of(item.get("expression")))


def _parameters(imported: Imported, block: dict[str, Any]) -> None:
    approach = line_of(block_of(block, "approach").get("type"))
    if approach in BY_KEY["approach"].choices:
        imported.take("approach", approach)
    elif approach:
        imported.report(f"modelCard.modelParameters.approach.type {approach}")
    imported.take("task", line_of(block.get("task")))
    imported.take("architecture_family", line_of(block.get("architectureFamily")))
    imported.take("architecture", line_of(block.get("modelArchitecture")))


def _analysis(imported: Imported, block: dict[str, Any]) -> None:
    rows = [_row(item) for item in list_of(block, "performanceMetrics") if isinstance(item, dict)]
    imported.take("slices", columns_of("slices", rows))


def _row(metric: dict[str, Any]) -> dict[str, str]:
    return {
        "metric": line_of(metric.get("type")),
        "slice": line_of(metric.get("slice")),
        "value": line_of(metric.get("value")),
        "ci": interval_of(block_of(metric, "confidenceInterval"), "lowerBound", "upperBound"),
    }


def _considerations(imported: Imported, block: dict[str, Any]) -> None:
    imported.take("users", [" ".join(text.split()) for text in described(list_of(block, "users"))])
    texts = (
        ("useCases", "intended_use"),
        ("technicalLimitations", "limitations"),
        ("performanceTradeoffs", "tradeoffs"),
    )
    for source_key, field_key in texts:
        imported.take(field_key, "\n\n".join(described(list_of(block, source_key))))
    for source_key, field_key, columns in (
        ("ethicalConsiderations", "ethical_considerations", {"name": "name", "mitigationStrategy": "mitigation"}),
        (
            "fairnessAssessments",
            "fairness",
            {"groupAtRisk": "group", "benefits": "benefits", "harms": "harms", "mitigationStrategy": "mitigation"},
        ),
    ):
        items = [item for item in list_of(block, source_key) if isinstance(item, dict)]
        rows = [{column: line_of(item.get(name)) for name, column in columns.items()} for item in items]
        imported.take(field_key, columns_of(field_key, rows))


def _properties(imported: Imported, card: dict[str, Any]) -> None:
    """Take the properties that Custody's export writes, and report all other properties."""
    for item in _property_list(card):
        name = line_of(item.get("name"))
        field = BY_KEY.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
        if field is not None and field.human:
            imported.take(field.key, from_lines(field, text_of(item.get("value"))))
        elif not name.startswith("custody:"):
            imported.report(f"property {name}")
