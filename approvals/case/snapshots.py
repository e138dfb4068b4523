"""The one builder of snapshots, for live cases, dry runs and replays. Decision 0071 says why there is only one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from approvals.case.earlier_approvals import EarlierApproval
from approvals.verdict.facts import CheckFacts, FindingFacts, OverrideFacts, RejectionFacts, ReviewFacts, Snapshot
from policies.rules import Rule
from validation.base import Subject


@dataclass(frozen=True, slots=True)
class Position:
    """The stage of a version before the move.

    ``staged_since`` maps stages to the time when the version came there. ``has_incumbent`` is whether the move would
    replace another version.
    """

    source: str
    staged_since: Mapping[str, datetime]
    has_incumbent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """The facts of one request at a moment, besides its subject and rules.

    No field has a default, so that each caller of `build_snapshot` states every fact. The fields of the same name in
    `approvals.verdict.facts.Snapshot` are described there.
    """

    position: Position
    opened_at: datetime
    expires_at: datetime
    people: Mapping[str, frozenset[str]]
    checks: Mapping[str, CheckFacts]
    reviews: tuple[ReviewFacts, ...]
    overrides: tuple[OverrideFacts, ...]
    findings: tuple[FindingFacts, ...]
    rejections: tuple[RejectionFacts, ...]
    earlier_approval: EarlierApproval | None
    review_due_at: datetime | None
    reason: str
    e_signature: bool
    needs_passkey: bool
    subject_digest: str
    parts: Mapping[str, str]
    needs_device_passkey: bool = False


def position_now(subject: Subject) -> Position:
    """Return the position of a subject's version now: its stage, and whether the move would replace another version."""
    return Position(
        source=subject.source,
        staged_since={subject.source: subject.staged_at} if subject.staged_at else {},
        has_incumbent=replaces_another(subject),
    )


def replaces_another(subject: Subject) -> bool:
    """Return whether the move of a subject would replace another version."""
    return subject.incumbent is not None and subject.incumbent.version_id != subject.version_id


def build_snapshot(subject: Subject, rules: tuple[Rule, ...], facts: RequestFacts) -> Snapshot:
    """Return the snapshot that a verdict is evaluated from."""
    return Snapshot(
        rules=rules,
        checks=facts.checks,
        reviews=facts.reviews,
        people=facts.people,
        subject_digest=facts.subject_digest,
        opened_at=facts.opened_at,
        expires_at=facts.expires_at,
        overrides=facts.overrides,
        findings=facts.findings,
        rejections=facts.rejections,
        parts=facts.parts,
        model_name=subject.model_name,
        model_tags=subject.model_tags,
        tier=subject.tier,
        source=facts.position.source,
        has_incumbent=facts.position.has_incumbent,
        staged_since=facts.position.staged_since,
        left_target_at=facts.earlier_approval.left_at if facts.earlier_approval else None,
        earlier_request=facts.earlier_approval.request_id if facts.earlier_approval else None,
        earlier_obstacle=facts.earlier_approval.obstacle if facts.earlier_approval else "",
        e_signature=facts.e_signature,
        needs_passkey=facts.needs_passkey,
        needs_device_passkey=facts.needs_device_passkey,
        review_due_at=facts.review_due_at,
        reason=facts.reason,
        deployed=subject.deployed or not subject.ended_by.isdisjoint(facts.people.get("requester", ())),
        deployed_until=subject.deployed_until,
        attested_at=subject.attested_at,
    )
