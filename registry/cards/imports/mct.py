"""Import of a Model Card Toolkit document (schema 0.0.1 and 0.0.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from core.errors import InvalidInput
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
from registry.cards.imports.markdown import BY_TITLE, parts_of, take_parts

_BLOCKS = frozenset({"schema_version", "model_details", "model_parameters", "quantitative_analysis", "considerations"})
# Keys that the import reads. It ignores name, version.name and version.date: the version here has its own.
_DETAILS = frozenset(
    {
        *("name", "version.name", "version.date", "version.diff", "overview", "documentation", "owners[].name"),
        *("owners[].contact", "licenses[].identifier", "licenses[].custom_text", "license.identifier", "license"),
        *("license.custom_text", "references[].reference", "references[]", "citations[].citation"),
    }
)
_ANALYSIS = frozenset(
    f"performance_metrics[].{key}"
    for key in (
        "type", "value", "slice", "threshold", "confidence_interval.lower_bound", "confidence_interval.upper_bound",
    )
)  # fmt: skip
_TEXTS = ("users", "use_cases", "limitations", "tradeoffs")
_CONSIDERATIONS = frozenset(
    {
        *(f"{key}[].description" for key in _TEXTS),
        *(f"{key}[]" for key in _TEXTS),
        *("ethical_considerations[].name", "ethical_considerations[].mitigation_strategy"),
    }
)
# The location of a version's files, as Custody's export writes it.
_OWN_PATH = re.compile(r"(runs|models|mlflow-artifacts):/")


def from_mct(data: bytes, body: Mapping[str, Any]) -> Imported:
    """Return the fields of a Model Card Toolkit document, for a card with this body. Raises InvalidInput, TooLarge."""
    imported, text = begin("mct", data)
    document = parsed_json(text)
    if not document.keys() & (_BLOCKS - {"schema_version"}):
        raise InvalidInput("This JSON is not a Model Card Toolkit document: it has no model_details or considerations.")
    imported.report_rest("", {key: value for key, value in document.items() if key not in _BLOCKS}, frozenset())
    _details(imported, block_of(document, "model_details"))
    _parameters(imported, block_of(document, "model_parameters"), body)
    _analysis(imported, block_of(document, "quantitative_analysis"))
    _considerations(imported, block_of(document, "considerations"))
    return imported


def _details(imported: Imported, block: dict[str, Any]) -> None:
    own_keys = frozenset({"path"} if _OWN_PATH.match(text_of(block.get("path"))) else ())
    imported.report_rest("model_details.", block, _DETAILS | own_keys)
    imported.take("overview", text_of(block.get("overview")))
    owners = [item for item in list_of(block, "owners") if isinstance(item, dict)]
    imported.take("owners", [line_of(owner.get("name")) for owner in owners if line_of(owner.get("name"))])
    contacts = [line_of(owner.get("contact")) for owner in owners if line_of(owner.get("contact"))]
    imported.take_line("contact", contacts)
    single_licence = block.get("license")  # schema 0.0.1
    licences = [item for item in [*list_of(block, "licenses"), single_licence] if isinstance(item, dict)]
    licence_names = [line_of(item.get(key)) for item in licences for key in ("identifier", "custom_text")]
    imported.take_line("licence", [*licence_names, line_of(single_licence)])
    links = [
        line_of(item.get("reference") if isinstance(item, dict) else item) for item in list_of(block, "references")
    ]
    imported.take("references", [link for link in links if link])
    cited = [item for item in list_of(block, "citations") if isinstance(item, dict)]
    imported.take("citation", "\n\n".join(text_of(item.get("citation")) for item in cited if item.get("citation")))
    imported.take("lifecycle_changes", text_of(block_of(block, "version").get("diff")))
    take_parts(imported, parts_of(text_of(block.get("documentation"))), BY_TITLE)


def _parameters(imported: Imported, block: dict[str, Any], body: Mapping[str, Any]) -> None:
    """Take the architecture. Inputs, outputs and data are not imported: the card reads its own from the run."""
    imported.take("architecture", line_of(block.get("model_architecture")))
    signature = _measured(body, "signature") or {}
    columns = [column for side in ("inputs", "outputs") for column in signature.get(side) or []]
    own_columns = [{"key": str(column.get("name", "")), "value": str(column.get("type", ""))} for column in columns]
    own_datasets = {str(row.get("name", "")) for row in _measured(body, "data") or []}
    for item in list_of(block, "data"):
        name = line_of(item.get("name")) if isinstance(item, dict) else line_of(item)
        is_own = name in own_datasets
        if name and not is_own:
            imported.report(f"dataset {name}: the data of a version are those that its run logged")
        if isinstance(item, dict):
            read = frozenset({"name", "description"} if is_own else {"name"})  # Custody's export writes both
            imported.report_rest("model_parameters.data[].", item, read)
    unread = {
        key: [item for item in value if item not in own_columns] if isinstance(value, list) else value
        for key, value in block.items()
        if key not in {"data", "model_architecture"}
    }
    imported.report_rest("model_parameters.", unread, frozenset())


def _measured(body: Mapping[str, Any], key: str) -> Any:
    return (body.get(key) or {}).get("value")


def _analysis(imported: Imported, block: dict[str, Any]) -> None:
    rows = [_row(item) for item in list_of(block, "performance_metrics") if isinstance(item, dict)]
    imported.take("slices", columns_of("slices", rows))
    imported.report_rest("quantitative_analysis.", block, _ANALYSIS)


def _row(metric: dict[str, Any]) -> dict[str, str]:
    return {
        "metric": line_of(metric.get("type")),
        "slice": line_of(metric.get("slice")),
        "value": line_of(metric.get("value")),
        "ci": interval_of(block_of(metric, "confidence_interval"), "lower_bound", "upper_bound"),
        "threshold": line_of(metric.get("threshold")),
    }


def _considerations(imported: Imported, block: dict[str, Any]) -> None:
    imported.report_rest("considerations.", block, _CONSIDERATIONS)
    imported.take("users", [" ".join(text.split()) for text in described(list_of(block, "users"))])
    texts = (("use_cases", "intended_use"), ("limitations", "limitations"), ("tradeoffs", "tradeoffs"))
    for source_key, field_key in texts:
        imported.take(field_key, "\n\n".join(described(list_of(block, source_key))))
    risks = [item for item in list_of(block, "ethical_considerations") if isinstance(item, dict)]
    rows = [
        {"name": line_of(item.get("name")), "mitigation": line_of(item.get("mitigation_strategy"))} for item in risks
    ]
    imported.take("ethical_considerations", columns_of("ethical_considerations", rows))
