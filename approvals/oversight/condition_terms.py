"""Validation and storage of the conditions that an approver sets in a review."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from approvals.models import ApprovalCondition, Decision, Review
from approvals.oversight.finding_owners import person_who_may_own
from core.errors import InvalidInput
from registry.models import RegisteredModel
from registry.names import check_text

MAX_CONDITIONS = 10
MAX_TEXT = 2000
_LATEST = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class ConditionTerms:
    """One condition: what has to be done, the owner who does it, the due date, and when the approval ends otherwise."""

    text: str
    owner: str
    due_at: datetime
    expires_at: datetime | None = None


def check_conditions(
    conditions: Sequence[ConditionTerms], decision: Decision, model: RegisteredModel
) -> list[ApprovalCondition]:
    """Return the unsaved rows of conditions. Raises InvalidInput with the first problem, TooLarge for a long text."""
    if conditions and decision is not Decision.APPROVE:
        raise InvalidInput("Only an approval can have conditions.")
    if len(conditions) > MAX_CONDITIONS:
        raise InvalidInput(f"An approval has at most {MAX_CONDITIONS} conditions.")
    return [_row(terms, model) for terms in conditions]


def insert_conditions(review: Review, rows: Sequence[ApprovalCondition]) -> None:
    """Insert the conditions of a review, in the transaction that inserted the review."""
    for row in rows:
        row.review = review
    ApprovalCondition.objects.bulk_create(rows)


def condition_facts(rows: Sequence[ApprovalCondition]) -> list[dict[str, object]]:
    """Return conditions as facts for the audit event of their review."""
    return [
        {"text": row.text, "owner": row.owner.username, "due_at": row.due_at, "expires_at": row.expires_at}
        for row in rows
    ]


def _row(terms: ConditionTerms, model: RegisteredModel) -> ApprovalCondition:
    text = check_text(terms.text.strip(), "condition", MAX_TEXT)
    if not text:
        raise InvalidInput("A condition must say what has to be done.")
    now = timezone.now()
    if not now < terms.due_at < now + _LATEST:
        raise InvalidInput("The due date of a condition must be in the future, and within ten years.")
    if terms.expires_at is not None and not terms.due_at <= terms.expires_at < now + _LATEST:
        raise InvalidInput("A condition must expire on its due date or later, and within ten years.")
    return ApprovalCondition(
        text=text,
        owner=person_who_may_own(terms.owner, model, owned="a condition"),
        due_at=terms.due_at,
        expires_at=terms.expires_at,
    )
