"""A card in every format there is, with the approvals that only this layer knows."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import orjson

from approvals.packs.declarations import ApprovalRecord, CheckRecord, approval_rows, approvals_of, declarations
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
# Parameters of checks on metrics that say what a value is held to.
_LIMITS = (("at_least", "≥"), ("at_most", "≤"), ("tolerance", "no worse than Production by"))


@dataclass(frozen=True, slots=True)
class Format:
    """A format cards are exported in. ``suffix`` ends the name of the file; ``write`` makes the bytes."""

    code: str
    title: str
    content_type: str
    suffix: str
    write: Callable[[CardSource, Records], bytes]


@dataclass(frozen=True, slots=True)
class Export:
    """An exported card: its bytes, what they are, and the file name to keep them under."""

    content_type: str
    filename: str
    data: bytes


def _json(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


FORMATS: dict[str, Format] = {
    each.code: each
    for each in (
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
    """Return a format; InvalidInput names those there are."""
    found = FORMATS.get(code)
    if found is None:
        raise InvalidInput(f"Cards are exported as {', '.join(FORMATS)}, not as {code[:50]!r}.")
    return found


def export_card(version: ModelVersion, card: CardRevision, code: str) -> Export:
    """Return a revision of a card in one format, with the approvals of its version. InvalidInput."""
    chosen = find_format(code)
    records = approvals_of(version)
    source = with_approvals(card_source(version, card), records)
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", version.model.name).strip("-.")[:80] or "model"
    name = f"{safe}-v{version.version}-r{card.number}.{chosen.suffix}"
    return Export(chosen.content_type, name, chosen.write(source, records))


def with_approvals(source: CardSource, records: Records) -> CardSource:
    """Return a card with its generated approvals and, where a check judged a metric, the job that did and its limit."""
    judged = {str(check.params.get("metric")): check for record in records for check in record.checks}
    rows = [row | _judgement(judged.get(row.get("metric", ""))) for row in source.rows("evaluation")]
    body = dict(source.body)
    if "evaluation" in body and rows:
        body["evaluation"] = {**body["evaluation"], "value": rows}
    return replace(source, approvals=tuple(approval_rows(records)), body=body)


def _judgement(check: CheckRecord | None) -> dict[str, str]:
    """Return the cells of an evaluation that a check filled: which job, and what it held the value to."""
    if check is None:
        return {}
    limits = [f"{sign} {check.params[name]}" for name, sign in _LIMITS if check.params.get(name) is not None]
    return {"check_run": f"check-run:{check.id}", **({"threshold": ", ".join(limits)} if limits else {})}
