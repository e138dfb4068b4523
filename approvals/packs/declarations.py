"""What a version was approved on, as plain facts; and the same as CycloneDX ``declarations``.

Declarations: https://cyclonedx.org/docs/1.6/json/#declarations. Reviewers are the assessors, each finished check is evidence
and a claim, each review an attestation over the claims. Nothing here is written by people into a card.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from approvals.models import CheckRun, CheckState, Decision, Override, RequestState, Review, TransitionRequest
from core.refs import request_ref
from core.times import iso_utc
from registry.cards.exports.cyclonedx import MODEL_REF
from registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """An electronic signature (21 CFR 11.50): what it means, the name it prints, and when it was made."""

    meaning: str
    printed_name: str
    signed_at: str


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """A review as it was given; ``signature`` where it was signed, over ``subject_digest``."""

    id: int
    reviewer: str
    decision: str
    comment: str
    subject_digest: str
    given_at: str
    on_behalf_of: str = ""
    signature: SignatureRecord | None = None


@dataclass(frozen=True, slots=True)
class OverrideRecord:
    """A soft rule that somebody let be. One that was taken back by then is left out."""

    id: int
    rule: str
    given_by: str
    reason: str
    subject_digest: str
    given_at: str
    signature: SignatureRecord | None = None


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """A finished validation job. ``evidence_digest`` is SHA-256 (hex) over its canonical evidence; ``files`` are its evidence
    files by name, SHA-256 and size; ``author`` posted the result of an external check."""

    id: int
    rule: str
    check: str
    params: Mapping[str, Any]
    state: str
    summary: str
    evidence: Mapping[str, Any]
    evidence_digest: str
    inputs_digest: str
    author: str
    finished_at: str
    files: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """One request with its reviews and finished checks, oldest first."""

    request: int
    source: str
    target: str
    requester: str
    comment: str
    policy: str
    policy_digest: str
    subject_digest: str
    opened_at: str
    reviews: tuple[ReviewRecord, ...]
    checks: tuple[CheckRecord, ...]
    overrides: tuple[OverrideRecord, ...] = ()


def approvals_of(version: ModelVersion) -> list[ApprovalRecord]:
    """Return what stands behind a version: its applied requests, oldest first; its open ones where none is. Six queries."""
    rows = TransitionRequest.objects.filter(version=version).exclude(
        state__in=[RequestState.WITHDRAWN, RequestState.EXPIRED, RequestState.STALE]
    )
    requests = list(rows.with_relations().order_by("pk"))
    applied = [request for request in requests if request.state == RequestState.APPLIED]
    return records_of(applied or requests)


def records_of(requests: Sequence[TransitionRequest], *, until: datetime | None = None) -> list[ApprovalRecord]:
    """Return requests as facts, with what was given and finished ``until`` then."""
    ids = [request.pk for request in requests]
    reviews = Review.objects.filter(request_id__in=ids).select_related("reviewer", "on_behalf_of").order_by("pk")
    given = Override.objects.filter(request_id__in=ids).select_related("given_by", "withdrawal").order_by("pk")
    finished = [CheckState.PASSED, CheckState.FAILED, CheckState.ERROR]
    checks = CheckRun.objects.filter(request_id__in=ids, state__in=finished).prefetch_related("files").order_by("pk")
    if until is not None:
        reviews, checks = reviews.filter(given_at__lte=until), checks.filter(finished_at__lte=until)
        given = given.filter(given_at__lte=until)
    by_request: dict[int, list[ReviewRecord]] = {pk: [] for pk in ids}
    for review in reviews:
        by_request[review.request_id].append(_review(review))
    jobs: dict[int, list[CheckRecord]] = {pk: [] for pk in ids}
    for job in checks:
        jobs[job.request_id].append(_check(job))
    overrides: dict[int, list[OverrideRecord]] = {pk: [] for pk in ids}
    for row in given:
        if row.withdrawn is None or (until is not None and row.withdrawn.withdrawn_at > until):
            overrides[row.request_id].append(_override(row))
    return [
        replace(_record(request, by_request[request.pk], jobs[request.pk]), overrides=tuple(overrides[request.pk]))
        for request in requests
    ]


def approval_rows(records: Sequence[ApprovalRecord]) -> list[dict[str, str]]:
    """Return a row for each review, for the generated ``approvals`` of the card document."""
    return [
        {
            "request": request_ref(record.request),
            "target": record.target,
            "policy": record.policy,
            "reviewer": review.reviewer,
            "decision": review.decision,
            "comment": review.comment,
            "subject_digest": review.subject_digest,
            "given_at": review.given_at,
        }
        for record in records
        for review in record.reviews
    ]


def declarations(records: Sequence[ApprovalRecord]) -> dict[str, Any]:
    """Return CycloneDX declarations; empty where there is nothing to declare."""
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


def _record(request: TransitionRequest, reviews: list[ReviewRecord], checks: list[CheckRecord]) -> ApprovalRecord:
    return ApprovalRecord(
        request=request.pk,
        source=request.source,
        target=request.target,
        requester=request.requester.username,
        comment=request.comment,
        policy=str(request.policy_revision),
        policy_digest=request.policy_revision.digest,
        subject_digest=request.subject_digest,
        opened_at=iso_utc(request.opened_at, "seconds"),
        reviews=tuple(reviews),
        checks=tuple(checks),
    )


def _review(row: Review) -> ReviewRecord:
    return ReviewRecord(
        id=row.pk,
        reviewer=row.reviewer.username,
        decision=row.decision,
        comment=row.comment,
        subject_digest=row.subject_digest,
        given_at=iso_utc(row.given_at, "seconds"),
        on_behalf_of=row.on_behalf_of.username if row.on_behalf_of else "",
        signature=_signature(row),
    )


def _override(row: Override) -> OverrideRecord:
    return OverrideRecord(
        id=row.pk,
        rule=row.rule,
        given_by=row.given_by.username,
        reason=row.reason,
        subject_digest=row.subject_digest,
        given_at=iso_utc(row.given_at, "seconds"),
        signature=_signature(row),
    )


def _signature(row: Review | Override) -> SignatureRecord | None:
    if row.signed_at is None:
        return None
    return SignatureRecord(row.meaning, row.printed_name, iso_utc(row.signed_at, "seconds"))


def _check(row: CheckRun) -> CheckRecord:
    return CheckRecord(
        id=row.pk,
        rule=row.rule,
        check=row.check_code,
        params=row.params,
        state=row.state,
        summary=row.summary,
        evidence=row.evidence,
        evidence_digest=row.evidence_digest,
        inputs_digest=row.inputs_digest,
        author=row.author,
        finished_at=iso_utc(row.finished_at, "seconds") if row.finished_at else "",
        files=tuple(
            {"name": file.name, "sha256": file.sha256, "bytes": file.size}
            for file in sorted(row.files.all(), key=lambda file: file.name)
            if file.fence == row.fence
        ),
    )


def as_json(record: ApprovalRecord) -> dict[str, Any]:
    """Return a record as JSON values."""
    return asdict(record)


def _assessor(name: str) -> str:
    return f"assessor-{name}"


def _attestation(record: ApprovalRecord, review: ReviewRecord) -> dict[str, Any]:
    agreed = review.decision == Decision.APPROVE
    words = "approved" if agreed else f"decided “{review.decision}” on"
    return {
        "summary": f"{review.reviewer} {words} request {record.request}: {record.source} → {record.target}",
        "assessor": _assessor(review.reviewer),
        "map": [
            {
                "claims": [_claim_ref(check) for check in record.checks],
                "conformance": {"score": 1 if agreed else 0, "rationale": review.comment},
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
