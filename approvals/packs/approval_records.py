"""Approvals as plain records for packs and exports: requests with their reviews, overrides and finished checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from approvals.check_runs.visible_facts import counted_evidence
from approvals.models import (
    ApprovalCondition,
    CheckRun,
    CheckState,
    Override,
    RequestState,
    Review,
    TransitionRequest,
    passkey_signature_of,
)
from core.refs import request_ref
from core.times import iso_utc
from registry.models import ModelVersion


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """An electronic signature (21 CFR 11.50): its meaning, the printed name of the signer, and the time of signing."""

    meaning: str
    printed_name: str
    signed_at: str


@dataclass(frozen=True, slots=True)
class PasskeyRecord:
    """The signature of a passkey, with all that a verification needs. ``enrolment_event`` added the passkey."""

    statement: Mapping[str, Any]
    credential_id: str
    public_key: str
    enrolment_event: str
    authenticator_data: str
    client_data: str
    signature: str


@dataclass(frozen=True, slots=True)
class ConditionRecord:
    """A condition of an approval. ``expires_at`` is when the approval ends if it is not met, "" for never."""

    text: str
    owner: str
    due_at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """A review. Its ``signature`` covers ``subject_digest``; it is None for a review without one."""

    id: int
    reviewer: str
    decision: str
    comment: str
    subject_digest: str
    given_at: str
    on_behalf_of: str = ""
    signature: SignatureRecord | None = None
    conditions: tuple[ConditionRecord, ...] = ()
    passkey: PasskeyRecord | None = None


@dataclass(frozen=True, slots=True)
class OverrideRecord:
    """An override of a soft rule, with its reason."""

    id: int
    rule: str
    given_by: str
    reason: str
    subject_digest: str
    given_at: str
    signature: SignatureRecord | None = None
    passkey: PasskeyRecord | None = None


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """A finished validation job.

    ``evidence_digest`` is the SHA-256 (hex) of its canonical evidence. ``files`` are its evidence files, each with
    name, SHA-256 and size in bytes. ``author`` is who posted the result of an external check.
    """

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
    """One request with its reviews, finished checks and overrides, oldest first."""

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
    """Return the applied requests of a version as records, oldest first; a fixed number of queries.

    If none is applied, return the open, approved and rejected ones.
    """
    rows = TransitionRequest.objects.filter(version=version).exclude(
        state__in=[RequestState.WITHDRAWN, RequestState.EXPIRED, RequestState.STALE]
    )
    requests = list(rows.with_relations().order_by("pk"))
    applied = [request for request in requests if request.state == RequestState.APPLIED]
    return records_of(applied or requests)


def records_of(requests: Sequence[TransitionRequest], *, until: datetime | None = None) -> list[ApprovalRecord]:
    """Return requests as records, with the reviews, overrides and results given until ``until``, by default now.

    An override that was withdrawn by then is left out. A fixed number of queries.
    """
    ids = [request.pk for request in requests]
    reviews = Review.objects.filter(request_id__in=ids).order_by("pk")
    reviews = reviews.select_related("reviewer", "on_behalf_of", "passkey_signature__passkey")
    conditions: dict[int, list[ConditionRecord]] = {}
    condition_rows = ApprovalCondition.objects.filter(review__request_id__in=ids).select_related("owner")
    for condition in condition_rows.order_by("pk"):
        conditions.setdefault(condition.review_id, []).append(_condition(condition))
    override_rows = Override.objects.filter(request_id__in=ids).order_by("pk")
    override_rows = override_rows.select_related("given_by", "withdrawal", "passkey_signature__passkey")
    finished = [CheckState.PASSED, CheckState.FAILED, CheckState.ERROR]
    checks = CheckRun.objects.filter(request_id__in=ids, state__in=finished).prefetch_related("files").order_by("pk")
    if until is not None:
        reviews, checks = reviews.filter(given_at__lte=until), checks.filter(finished_at__lte=until)
        override_rows = override_rows.filter(given_at__lte=until)
    given_reviews: dict[int, list[ReviewRecord]] = {pk: [] for pk in ids}
    for review in reviews:
        given_reviews[review.request_id].append(_review(review, conditions.get(review.pk, [])))
    jobs: dict[int, list[CheckRecord]] = {pk: [] for pk in ids}
    for job in checks:
        jobs[job.request_id].append(_check(job))
    overrides: dict[int, list[OverrideRecord]] = {pk: [] for pk in ids}
    for row in override_rows:
        if row.withdrawn is None or (until is not None and row.withdrawn.withdrawn_at > until):
            overrides[row.request_id].append(_override(row))
    return [
        replace(_record(request, given_reviews[request.pk], jobs[request.pk]), overrides=tuple(overrides[request.pk]))
        for request in requests
    ]


def approval_rows(records: Sequence[ApprovalRecord]) -> list[dict[str, str]]:
    """Return a row for each review, for the generated field ``approvals`` of a card."""
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


def _review(row: Review, conditions: Sequence[ConditionRecord]) -> ReviewRecord:
    return ReviewRecord(
        id=row.pk,
        reviewer=row.reviewer.username,
        decision=row.decision,
        comment=row.comment,
        subject_digest=row.subject_digest,
        given_at=iso_utc(row.given_at, "seconds"),
        on_behalf_of=row.on_behalf_of.username if row.on_behalf_of else "",
        signature=_signature(row),
        conditions=tuple(conditions),
        passkey=_passkey(row),
    )


def _condition(row: ApprovalCondition) -> ConditionRecord:
    expires = iso_utc(row.expires_at, "seconds") if row.expires_at else ""
    return ConditionRecord(row.text, row.owner.username, iso_utc(row.due_at, "seconds"), expires)


def _override(row: Override) -> OverrideRecord:
    return OverrideRecord(
        id=row.pk,
        rule=row.rule,
        given_by=row.given_by.username,
        reason=row.reason,
        subject_digest=row.subject_digest,
        given_at=iso_utc(row.given_at, "seconds"),
        signature=_signature(row),
        passkey=_passkey(row),
    )


def _passkey(row: Review | Override) -> PasskeyRecord | None:
    signed = passkey_signature_of(row)
    if signed is None:
        return None
    return PasskeyRecord(
        statement=orjson.loads(signed.statement),
        credential_id=signed.passkey.credential_id,
        public_key=signed.passkey.public_key,
        enrolment_event=str(signed.passkey.enrolment_event),
        authenticator_data=signed.authenticator_data,
        client_data=signed.client_data,
        signature=signed.signature,
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
        evidence=counted_evidence(row.check_code, row.evidence),
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
