"""Building the conformity pack of a promotion to Production or a protected alias: a zip file of the evidence.

It follows the outline of Annex IV of Regulation (EU) 2024/1689; docs/reference.md lists the files. Times are those of
the promotion, names are sorted, and values that can change later are read from the order, which pinned them. So the
same order makes the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC
from typing import Any

import orjson

from approvals.models import TransitionRequest
from approvals.packs.approval_records import ApprovalRecord, as_json, records_of
from approvals.packs.evidence_files import evidence_files
from approvals.packs.exports import FORMATS, with_approvals
from approvals.packs.page import PackFacts, pack_page
from approvals.packs.promotion_verdict import promotion_verdict
from core.refs import version_ref
from core.times import iso_utc
from lineage.graph.history import ancestors_as_of
from registry.cards import BY_KEY, completeness, find_template, written_keys
from registry.cards.document import CardSource, tier_pointer
from registry.cards.templates import requirements_for
from registry.models import CardRevision, PackOrder, RiskAssessment
from registry.stages import Stage

FORMAT = "custody-conformity-pack/2"
TEMPLATE = "eu_annex_iv"
_EARLIER_REQUEST = re.compile(r" on the approval of request:(\d+)")
_CARD_PATHS = {"json": "card/card.json", "html": "card/card.html", "hf": "card/README.md"}
_README = """This is the conformity pack of one promotion, frozen when it happened. Read index.html first.

index.html           the decision as text: its basis, the verdict on every rule, the reviews with printed names and
                     meanings, the evidence, Annex IV with the answer to each point, the risk, the lineage
manifest.json        every file with its SHA-256 and size, and the revisions that the pack was made from
version.json         the version: artifact digest, tags, who promoted and approved it, which version it replaced
annex_iv.json        the outline of Annex IV of the EU AI Act: the field that answers each point, and the missing ones
card/                the model card at that revision: as JSON, as a page, and in the formats of other tools
approval/            the request, each review with the digest it covers and its electronic signature (printed name,
                     meaning and time), each check with its evidence and evidence files, the overridden rules, the
                     policy, and verdict.json: the result of every rule. result_from says whether the audit log has
                     it, or it follows from the facts when the pack was made, as the reasons always do.
                     evidence/left-out.txt, if it is there, names the evidence files that this pack lacks, and why
risk/                the answers to the risk questionnaire and the tier that follows from them
lineage/             the ancestors of the version at that time

To verify a file: sha256sum FILE, and compare with manifest.json. The SHA-256 of the whole pack is in the audit log
(registry.pack.frozen).
"""


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack before it is stored; ``digest`` is the SHA-256 (hex) of its bytes."""

    data: bytes
    digest: str
    manifest: dict[str, Any]


def build_pack(order: PackOrder) -> Pack:
    """Return the pack of an order, built from rows that never change and the facts that the order pinned."""
    records = _records(order)
    files = _files(order, records)
    manifest = {
        "format": FORMAT,
        "subject": version_ref(order.pinned["model"], order.version.version),
        "pack": order.number,
        "promotion_event": str(order.event_id),
        "promoted_at": iso_utc(order.promoted_at, "seconds"),
        "target": order.pinned.get("target", Stage.PRODUCTION.value),
        "pinned": {
            key: order.pinned[key]
            for key in ("card", "risk", "basis", "request", "reviews", "checks", "subject_digest")
        },
        "files": {
            name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            for name, data in sorted(files.items())
        },
    }
    data = _zip(order, {**files, "manifest.json": _json(manifest)})
    return Pack(data, hashlib.sha256(data).hexdigest(), manifest)


def _records(order: PackOrder) -> list[ApprovalRecord]:
    """Return the request behind the promotion, with the pinned reviews, checks and overrides only.

    Empty where the promotion had no request.
    """
    pinned = order.pinned
    if not pinned["request"]:
        return []
    rows = TransitionRequest.objects.filter(pk=pinned["request"])
    (record,) = records_of(list(rows.with_relations()), until=order.promoted_at)
    evidence = {int(pk): digest for pk, digest in pinned["checks"]}
    return [
        replace(
            record,
            subject_digest=pinned["subject_digest"],
            comment=pinned["comment"],
            policy=pinned["policy"]["name"],
            policy_digest=pinned["policy"]["digest"],
            reviews=tuple(review for review in record.reviews if review.id in pinned["reviews"]),
            checks=tuple(check for check in record.checks if evidence.get(check.id) == check.evidence_digest),
            overrides=tuple(row for row in record.overrides if row.id in pinned.get("overrides", ())),
        )
    ]


def _files(order: PackOrder, records: list[ApprovalRecord]) -> dict[str, bytes]:
    card = _card(order, records)
    files = {
        _CARD_PATHS.get(card_format.code, f"card/{card_format.suffix}"): card_format.write(card, records)
        for card_format in FORMATS.values()
    }
    pinned = order.pinned
    history = ancestors_as_of(pinned["lineage_node"], order.promoted_at)
    outline, risk, rules = _outline(card), _assessment(order), promotion_verdict(order)
    files |= {
        "README.txt": _README.encode(),
        "version.json": _json(pinned["version"]),
        "annex_iv.json": _json(outline),
        "risk/assessment.json": _json(risk),
        "lineage/ancestors.json": _json(asdict(history)),
        "index.html": pack_page(
            PackFacts(
                target=pinned.get("target", Stage.PRODUCTION.value),
                promoted_at=iso_utc(order.promoted_at, "seconds"),
                version=pinned["version"],
                basis=pinned["version"]["approval_basis"] or _basis(pinned),
                records=records,
                rules=rules,
                outline=outline,
                card=card,
                risk=risk,
                ancestry=history,
            )
        ),
    }
    for record in records:
        files |= _approval_files(record, pinned["policy"], rules)
    return files


def _basis(pinned: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the basis of a move of an alias, read from its audit event; None without a request.

    Only the basis of a stage is a column of the version.
    """
    if not pinned["request"]:
        return None
    basis: dict[str, Any] = {"kind": "promotion", "request": pinned["request"]}
    if pinned["basis"].endswith(" by break-glass"):
        return basis | {"kind": "break_glass"}
    if match := _EARLIER_REQUEST.search(pinned["basis"]):
        return basis | {"kind": "rollback", "earlier_request": int(match[1])}
    return basis


def _approval_files(record: ApprovalRecord, policy: object, rules: object) -> dict[str, bytes]:
    facts = as_json(record)
    reviews, checks, overrides = (facts.pop(part) for part in ("reviews", "checks", "overrides"))
    return {
        "approval/request.json": _json(facts),
        "approval/verdict.json": _json(rules),
        "approval/reviews.json": _json(reviews),
        "approval/checks.json": _json(checks),
        "approval/overrides.json": _json(overrides),
        "approval/policy.json": _json(policy),
        **evidence_files(record.checks),
    }


def _card(order: PackOrder, records: list[ApprovalRecord]) -> CardSource:
    pinned, version = order.pinned, order.version
    revision = CardRevision.objects.get(version=version, number=pinned["card"]["number"])
    risk = pinned["risk"]
    facts: Mapping[str, Any] = pinned["version"]
    source = CardSource(
        model=pinned["model"],
        version=version.version,
        description=facts["description"],
        stage=facts["stage"],
        created_by=version.created_by,
        created_ms=version.created_ms,
        artifact_digest=version.artifact_digest,
        source=version.source,
        run_id=version.run_id,
        tags=facts["tags"],
        number=revision.number,
        digest=revision.digest,
        author=revision.author,
        body=revision.body,
        tier=risk["tier"] if risk else "",
        tier_pointer=tier_pointer(pinned["model"], risk["number"]) if risk else "",
    )
    return with_approvals(source, records)


def _outline(card: CardSource) -> dict[str, Any]:
    """Return the points of Annex IV, each with the card field that answers it."""
    template = find_template(TEMPLATE)
    written = written_keys(dict(card.body))
    measured = completeness(written, template, card.tier)
    return {
        "template": template.label,
        "source": template.source,
        "tier": card.tier,
        "score": measured.score,
        "missing": list(measured.missing),
        "points": [
            {
                "ref": requirement.ref,
                "field": requirement.key,
                "title": BY_KEY[requirement.key].title,
                "path": BY_KEY[requirement.key].path,
                "filled": requirement.key in written,
            }
            for requirement in requirements_for(template, card.tier)
        ],
    }


def _assessment(order: PackOrder) -> dict[str, Any]:
    risk = order.pinned["risk"]
    if not risk:
        return {"tier": None, "reasons": ["The model had no risk assessment."]}
    row = RiskAssessment.objects.get(model=order.version.model, number=risk["number"])
    return {
        "number": row.number,
        "questionnaire": row.questionnaire,
        "tier": row.tier,
        "score": row.score,
        "answers": row.answers,
        "reasons": row.reasons,
        "rationale": row.rationale,
        "author": row.author,
        "assessed_at": iso_utc(row.created_at, "seconds"),
    }


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _zip(order: PackOrder, files: dict[str, bytes]) -> bytes:
    moment = order.promoted_at.astimezone(UTC)
    stamp = (max(moment.year, 1980), moment.month, moment.day, moment.hour, moment.minute, moment.second)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name in sorted(files):
            package.writestr(zipfile.ZipInfo(name, stamp), files[name], compress_type=zipfile.ZIP_DEFLATED)
    return out.getvalue()
