"""Reading a Model Card Toolkit document (schema 0.0.1 and 0.0.2)."""

from __future__ import annotations

from typing import Any

from core.errors import InvalidInput
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
from registry.cards.imports.markdown import BY_TITLE, parts_of, take_parts

_BLOCKS = frozenset({"schema_version", "model_details", "model_parameters", "quantitative_analysis", "considerations"})
_DETAILS = frozenset(
    {"name", "overview", "documentation", "owners", "version", "licenses", "license", "references", "citations", "path"}
)
_PARAMETERS = frozenset(
    {"model_architecture", "data", "input_format", "output_format", "input_format_map", "output_format_map"}
)
_CONSIDERATIONS = frozenset({"users", "use_cases", "limitations", "tradeoffs", "ethical_considerations"})


def from_mct(data: bytes) -> Imported:
    """Return the fields of a Model Card Toolkit document. Raises InvalidInput, TooLarge."""
    imported, text = begin("mct", data)
    document = parsed_json(text)
    if not document.keys() & (_BLOCKS - {"schema_version"}):
        raise InvalidInput("This JSON is no Model Card Toolkit document: it has no model_details or considerations.")
    imported.report_keys("", document, _BLOCKS)
    _details(imported, block_of(document, "model_details"))
    _parameters(imported, block_of(document, "model_parameters"))
    _analysis(imported, block_of(document, "quantitative_analysis"))
    _considerations(imported, block_of(document, "considerations"))
    return imported


def _details(imported: Imported, block: dict[str, Any]) -> None:
    imported.report_keys("model_details.", block, _DETAILS)
    imported.take("overview", text_of(block.get("overview")))
    owners = [item for item in list_of(block, "owners") if isinstance(item, dict)]
    imported.take("owners", [line_of(owner.get("name")) for owner in owners if line_of(owner.get("name"))])
    contacts = [line_of(owner.get("contact")) for owner in owners if line_of(owner.get("contact"))]
    imported.take("contact", ", ".join(dict.fromkeys(contacts))[:1000])
    licences = [item for item in list_of(block, "licenses") if isinstance(item, dict)]
    named = [line_of(item.get("identifier") or item.get("custom_text")) for item in licences]
    imported.take("licence", ", ".join(name for name in named if name)[:1000])
    links = [item for item in list_of(block, "references") if isinstance(item, dict)]
    imported.take("references", [line_of(item.get("reference")) for item in links if line_of(item.get("reference"))])
    cited = [item for item in list_of(block, "citations") if isinstance(item, dict)]
    imported.take("citation", "\n\n".join(text_of(item.get("citation")) for item in cited if item.get("citation")))
    imported.take("lifecycle_changes", text_of(block_of(block, "version").get("diff")))
    take_parts(imported, parts_of(text_of(block.get("documentation"))), BY_TITLE)


def _parameters(imported: Imported, block: dict[str, Any]) -> None:
    imported.report_keys("model_parameters.", block, _PARAMETERS)
    imported.take("architecture", line_of(block.get("model_architecture")))
    for item in list_of(block, "data"):
        if isinstance(item, dict) and line_of(item.get("name")):
            imported.report(f"dataset {line_of(item['name'])}: the data of a version are what its run logged")


def _analysis(imported: Imported, block: dict[str, Any]) -> None:
    rows = [_row(item) for item in list_of(block, "performance_metrics") if isinstance(item, dict)]
    imported.take("slices", columns_of("slices", rows))
    if block.get("graphics"):
        imported.report("quantitative_analysis.graphics")
    imported.report_keys("quantitative_analysis.", block, frozenset({"performance_metrics", "graphics"}))


def _row(metric: dict[str, Any]) -> dict[str, str]:
    ends = block_of(metric, "confidence_interval")
    low, high = line_of(ends.get("lower_bound")), line_of(ends.get("upper_bound"))
    return {
        "metric": line_of(metric.get("type")),
        "slice": line_of(metric.get("slice")),
        "value": line_of(metric.get("value")),
        "ci": f"[{low}, {high}]" if low and high else "",
    }


def _considerations(imported: Imported, block: dict[str, Any]) -> None:
    imported.report_keys("considerations.", block, _CONSIDERATIONS)
    imported.take("users", [" ".join(text.split()) for text in described(list_of(block, "users"))])
    for theirs, ours in (("use_cases", "intended_use"), ("limitations", "limitations"), ("tradeoffs", "tradeoffs")):
        imported.take(ours, "\n\n".join(described(list_of(block, theirs))))
    risks = [item for item in list_of(block, "ethical_considerations") if isinstance(item, dict)]
    rows = [
        {"name": line_of(item.get("name")), "mitigation": line_of(item.get("mitigation_strategy"))} for item in risks
    ]
    imported.take("ethical_considerations", columns_of("ethical_considerations", rows))
