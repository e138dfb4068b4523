"""Exporting model cards in several formats, with the approvals of their version."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from approvals.packs.approval_records import ApprovalRecord, CheckRecord, approval_rows, approvals_of
from approvals.packs.declarations import declarations
from core.errors import InvalidInput
from registry.cards.document import CardSource, card_document, card_source
from registry.cards.exports.cyclonedx import to_cyclonedx
from registry.cards.exports.html import to_html
from registry.cards.exports.huggingface import to_huggingface
from registry.cards.exports.mct import to_mct
from registry.cards.exports.sagemaker import to_sagemaker
from registry.models import CardRevision, ModelVersion

Records = Sequence[ApprovalRecord]
_JSON = "application/json"
# The parameters of metric checks that are limits, and the text before each value.
_LIMITS = (("at_least", "≥"), ("at_most", "≤"), ("tolerance", "no worse than Production by"))


@dataclass(frozen=True, slots=True)
class Format:
    """A format of exported cards. ``suffix`` is the end of the file name; ``write`` returns the bytes."""

    code: str
    title: str
    content_type: str
    suffix: str
    write: Callable[[CardSource, Records], bytes]


@dataclass(frozen=True, slots=True)
class Export:
    """An exported card: its bytes, their content type and a file name."""

    content_type: str
    filename: str
    data: bytes


def _json(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


FORMATS: dict[str, Format] = {
    card_format.code: card_format
    for card_format in (
        Format("json", "Card document (JSON)", _JSON, "card.json", lambda card, _: _json(card_document(card))),
        Format(
            "hf", "Hugging Face README.md", "text/markdown; charset=utf-8", "README.md",
            lambda card, _: to_huggingface(card).encode(),
        ),
        Format(
            "cyclonedx", "CycloneDX 1.6 ML-BOM", "application/vnd.cyclonedx+json; version=1.6", "cdx.json",
            lambda card, records: _json(to_cyclonedx(card, declarations=declarations(records))),
        ),
        Format("sagemaker", "SageMaker model card", _JSON, "sagemaker.json", lambda card, _: _json(to_sagemaker(card))),
        Format("mct", "Model Card Toolkit 0.0.2", _JSON, "mct.json", lambda card, _: _json(to_mct(card))),
        Format(
            "html", "HTML for print", "text/html; charset=utf-8", "card.html", lambda card, _: to_html(card).encode()
        ),
    )
}  # fmt: skip


def find_format(code: str) -> Format:
    """Return a format by its code. Raises InvalidInput, with the known codes."""
    export_format = FORMATS.get(code)
    if export_format is None:
        raise InvalidInput(f"There is no export format {code[:50]!r} (known: {', '.join(FORMATS)}).")
    return export_format


def export_card(version: ModelVersion, card: CardRevision, code: str) -> Export:
    """Return a revision of a card in one format, with the approvals of its version. Raises InvalidInput."""
    chosen = find_format(code)
    records = approvals_of(version)
    source = with_approvals(card_source(version, card), records)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", version.model.name).strip("-.")[:80] or "model"
    name = f"{safe}-v{version.version}-r{card.number}.{chosen.suffix}"
    return Export(chosen.content_type, name, chosen.write(source, records))


def with_approvals(source: CardSource, records: Records) -> CardSource:
    """Return a card with its approvals. A metric that a check compared also gets the check run and its limits."""
    checks = {str(check.params.get("metric")): check for record in records for check in record.checks}
    rows = [row | _check_cells(checks.get(row.get("metric", ""))) for row in source.rows("evaluation")]
    body = dict(source.body)
    if "evaluation" in body and rows:
        body["evaluation"] = {**body["evaluation"], "value": rows}
    return replace(source, approvals=tuple(approval_rows(records)), body=body)


def _check_cells(check: CheckRecord | None) -> dict[str, str]:
    """Return the cells of an evaluation row that come from a check: the check run and its limits; empty without one."""
    if check is None:
        return {}
    limits = [f"{sign} {check.params[name]}" for name, sign in _LIMITS if check.params.get(name) is not None]
    return {"check_run": f"check-run:{check.id}", **({"threshold": ", ".join(limits)} if limits else {})}
