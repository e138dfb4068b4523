"""Approvals as CycloneDX ``declarations``: https://cyclonedx.org/docs/1.6/json/#declarations.

A reviewer is an assessor, a finished check is a claim with its evidence, and a review is an attestation of the claims.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from approvals.models import CheckState, Decision
from approvals.packs.approval_records import ApprovalRecord, CheckRecord, ReviewRecord
from core.refs import request_ref
from registry.cards.exports.cyclonedx import MODEL_REF


def declarations(records: Sequence[ApprovalRecord]) -> dict[str, Any]:
    """Return the CycloneDX declarations of these approvals; an empty dict without reviews and checks."""
    reviews = [(record, review) for record in records for review in record.reviews]
    checks = [(record, check) for record in records for check in record.checks]
    if not reviews and not checks:
        return {}
    names = dict.fromkeys(review.reviewer for _, review in reviews)
    return {
        "assessors": [
            {"bom-ref": _assessor(name), "thirdParty": False, "organization": {"name": name}} for name in names
        ],
        "attestations": [_attestation(record, review) for record, review in reviews],
        "claims": [_claim(record, check) for record, check in checks],
        "evidence": [*_check_evidence(checks), *_review_evidence(reviews)],
        "affirmation": _affirmation(records),
    }


def _assessor(name: str) -> str:
    return f"assessor-{name}"


def _attestation(record: ApprovalRecord, review: ReviewRecord) -> dict[str, Any]:
    approved = review.decision == Decision.APPROVE
    verb = "approved" if approved else f"decided “{review.decision}” on"
    return {
        "summary": f"{review.reviewer} {verb} request {record.request}: {record.source} → {record.target}",
        "assessor": _assessor(review.reviewer),
        "map": [
            {
                "claims": [_claim_ref(check) for check in record.checks],
                "conformance": {"score": 1 if approved else 0, "rationale": review.comment},
            }
        ],
    }


def _claim_ref(check: CheckRecord) -> str:
    return f"claim-{check.id}"


def _claim(record: ApprovalRecord, check: CheckRecord) -> dict[str, Any]:
    passed = check.state == CheckState.PASSED
    return {
        "bom-ref": _claim_ref(check),
        "target": MODEL_REF,
        "predicate": f"The check {check.check} (rule {check.rule}, {record.policy}) {check.state}.",
        "reasoning": check.summary,
        "evidence" if passed else "counterEvidence": [f"check-{check.id}"],
    }


def _check_evidence(checks: Sequence[tuple[ApprovalRecord, CheckRecord]]) -> Iterator[dict[str, Any]]:
    for _, check in checks:
        digest = {"contentType": "text/plain", "content": f"sha256:{check.evidence_digest}"}
        yield {
            "bom-ref": f"check-{check.id}",
            "propertyName": f"custody:check:{check.check}",
            "description": check.summary,
            "data": [{"name": "digest of the evidence", "contents": {"attachment": digest}}],
            "created": check.finished_at,
            "author": {"name": check.author or "Custody"},
        }


def _review_evidence(reviews: Sequence[tuple[ApprovalRecord, ReviewRecord]]) -> Iterator[dict[str, Any]]:
    for record, review in reviews:
        digest = {"contentType": "text/plain", "content": f"sha256:{review.subject_digest}"}
        yield {
            "bom-ref": f"review-{review.id}",
            "propertyName": "custody:review",
            "description": f"{review.decision}: {review.comment}",
            "data": [{"name": "digest of what the review covers", "contents": {"attachment": digest}}],
            "created": review.given_at,
            "author": {"name": record.requester},
            "reviewer": {"name": review.reviewer},
        }


def _affirmation(records: Sequence[ApprovalRecord]) -> dict[str, Any]:
    signatories = [
        {
            "name": review.signature.printed_name if review.signature else review.reviewer,
            "role": f"reviewer of {request_ref(record.request)}",
            "organization": {"name": review.reviewer},
            "externalReference": {"type": "attestation", "url": f"urn:custody:{request_ref(record.request)}"},
        }
        for record in records
        for review in record.reviews
        if review.decision == Decision.APPROVE
    ]
    if not signatories:
        return {}
    return {"statement": "These reviewers approved on the evidence named here.", "signatories": signatories}
