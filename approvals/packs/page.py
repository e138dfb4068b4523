"""The first page of a conformity pack: the whole decision as HTML for reading and printing, without scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from approvals.packs.approval_records import ApprovalRecord, CheckRecord, PasskeyRecord, SignatureRecord
from lineage.graph.history import Ancestry
from registry.cards import BY_KEY
from registry.cards.document import CardSource
from registry.cards.exports.html import PRINT_STYLE, field_html
from registry.cards.exports.html_parts import list_html, pairs_html, table_html
from registry.cards.values import says_nothing

_MAX_ANCESTORS = 200


@dataclass(frozen=True, slots=True)
class PackFacts:
    """The facts on the page.

    ``version`` is the content of version.json, ``risk`` of risk/assessment.json, ``outline`` of annex_iv.json and
    ``rules`` of approval/verdict.json.
    """

    target: str
    promoted_at: str
    version: Mapping[str, Any]
    basis: Mapping[str, Any] | None
    records: Sequence[ApprovalRecord]
    rules: Sequence[Mapping[str, Any]]
    outline: Mapping[str, Any]
    card: CardSource
    risk: Mapping[str, Any]
    ancestry: Ancestry


def pack_page(facts: PackFacts) -> bytes:
    """Return the page as UTF-8. Everything that people wrote is sanitised or escaped."""
    return "\n".join(_page(facts)).encode()


def basis_text(basis: Mapping[str, Any] | None) -> str:
    """Return the basis of a promotion as text: an approval, an earlier approval, break-glass, or no policy."""
    if not basis:
        return "no request: no policy governed the move"
    request = f"request #{basis['request']}"
    if basis["kind"] == "break_glass":
        return f"break-glass, {request}: an exception, without an approval by the policy"
    if basis["kind"] == "rollback" and basis.get("earlier_request"):
        return f"rollback, {request}, on the approval of request #{basis['earlier_request']}"
    return f"the approval of {request}"


def _page(facts: PackFacts) -> Iterator[str]:
    version = facts.version
    title = f"Dossier of {escape(str(version['model']))} version {version['version']}"
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{PRINT_STYLE}</style></head><body>'
    yield f"<header><h1>{title}</h1><p class='meta'>As of its promotion to {escape(facts.target)}, {facts.promoted_at}</p></header>"
    yield from _decision(facts)
    yield from _verdict(facts.rules)
    for record in facts.records:
        yield from _reviews(record)
        yield from _checks(record.checks)
    yield from _annex(facts.outline, facts.card)
    yield from _risk(facts.risk)
    yield from _lineage(facts.ancestry)
    yield (
        "<footer><p>This page never changes. README.txt says how to verify the files. The audit log of the "
        "installation has the SHA-256 of the whole pack.</p></footer></body></html>\n"
    )


def _decision(facts: PackFacts) -> Iterator[str]:
    version = facts.version
    yield "<section><h2>Decision</h2>"
    rows = {
        "Promoted by": version.get("alias_set_by") or version["staged_by"],
        "Based on": basis_text(facts.basis),
        "Approved by": version["approved_by"] or "nobody",
        "Approved at": version["approved_at"] or "",
        "Files (SHA-256)": version["artifact_digest"] or "kept elsewhere",
        "Replaced version": version["replaced_version"] or "none",
        "Run": version["run_id"] or "none",
        "Registered by": version["created_by"],
    }
    for record in facts.records:
        rows |= {
            "Request": f"#{record.request}, {record.source} → {record.target}, opened {record.opened_at}",
            "Asked by": record.requester,
            "Reason": record.comment,
            "Policy": f"{record.policy} (SHA-256 {record.policy_digest})",
            "Digest of what was approved": record.subject_digest,
        }
    yield pairs_html(rows) + "</section>"


def _verdict(rules: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if rules:
        yield "<section><h2>Verdict, rule by rule</h2>"
        yield table_html(rules, columns=["rule", "requirement", "level", "result", "result_from", "why"]) + "</section>"


def _reviews(record: ApprovalRecord) -> Iterator[str]:
    yield f"<section><h2>Reviews of request #{record.request}</h2>"
    if not record.reviews:
        yield '<p class="none">There was no review.</p>'
    for review in record.reviews:
        yield f"<h3>{escape(_signed_by(review.signature, review.reviewer))}: {escape(review.decision)}</h3>"
        yield pairs_html(
            _signature(review.signature)
            | _passkey(review.passkey)
            | {
                "Account": review.reviewer,
                "On behalf of": review.on_behalf_of,
                "Given at": review.given_at,
                "Comment": review.comment,
                "Covers (digest)": review.subject_digest,
                "Conditions": "; ".join(f"{row.text} ({row.owner}, by {row.due_at})" for row in review.conditions),
            }
        )
    for override in record.overrides:
        yield f"<h3>{escape(_signed_by(override.signature, override.given_by))} overrode {escape(override.rule)}</h3>"
        signatures = _signature(override.signature) | _passkey(override.passkey)
        yield pairs_html(signatures | {"Reason": override.reason, "Given at": override.given_at})
    yield "</section>"


def _signed_by(signature: SignatureRecord | None, account: str) -> str:
    return signature.printed_name if signature else account


def _signature(signature: SignatureRecord | None) -> dict[str, str]:
    if signature is None:
        return {"Signature": "none was required"}
    return {"Meaning of the signature": signature.meaning, "Signed at": signature.signed_at}


def _passkey(passkey: PasskeyRecord | None) -> dict[str, str]:
    if passkey is None:
        return {}
    return {"Signed by passkey": f"public key {passkey.public_key}, added by event {passkey.enrolment_event}"}


def _checks(checks: Sequence[CheckRecord]) -> Iterator[str]:
    if checks:
        yield "<section><h2>Evidence</h2>"
    for check in checks:
        yield f"<h3>{escape(check.rule)}: {escape(check.state)} <span class='from'>{escape(check.check)}</span></h3>"
        yield pairs_html(
            {
                "Summary": check.summary,
                "Finished": check.finished_at,
                "Posted by": check.author,
                **check.evidence,
                "Evidence files": ", ".join(f"{file['name']} (SHA-256 {file['sha256']})" for file in check.files),
                "SHA-256 of the evidence": check.evidence_digest,
            }
        )
    if checks:
        yield "</section>"


def _annex(outline: Mapping[str, Any], card: CardSource) -> Iterator[str]:
    """Yield the points of Annex IV with the text that answers each."""
    source = f'<span class="from">{escape(outline["template"])}</span>'
    yield f"<section><h2>Annex IV of the EU AI Act {source}</h2>"
    for point in outline["points"]:
        yield f'<h3>{escape(point["title"])} <span class="from">{escape(point["ref"])}</span></h3>'
        entry = card.body.get(point["field"])
        if entry is None or says_nothing(entry):
            yield '<p class="none">Not answered.</p>'
        else:
            yield field_html(BY_KEY[point["field"]], entry.get("value"))
    yield "</section>"


def _risk(risk: Mapping[str, Any]) -> Iterator[str]:
    yield "<section><h2>Risk</h2>"
    yield pairs_html(
        {
            "Tier": risk["tier"] or "not assessed",
            **{key: risk.get(key) for key in ("author", "assessed_at", "rationale")},
        }
    )
    yield list_html(risk["reasons"]) + "</section>"


def _lineage(ancestry: Ancestry) -> Iterator[str]:
    yield "<section><h2>Lineage</h2>"
    if not ancestry.nodes:
        yield '<p class="none">No ancestor was recorded.</p>'
    else:
        rows = [
            {"kind": node.kind, "name": node.urn, "digest": node.digest} for node in ancestry.nodes[:_MAX_ANCESTORS]
        ]
        yield table_html(rows, columns=["kind", "name", "digest"])
        if len(ancestry.nodes) > _MAX_ANCESTORS or ancestry.truncated:
            yield "<p>More ancestors are in lineage/ancestors.json.</p>"
    yield "</section>"
