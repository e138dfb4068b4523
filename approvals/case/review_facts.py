"""Reviews and overrides as facts of a verdict.

Groups and permission levels are those of now, so a review by a former member of a group no longer counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from approvals.case.reviewer_roles import review_rights
from approvals.models import Override, Review, TransitionRequest, passkey_signature_of
from approvals.verdict.facts import OverrideFacts, ReviewFacts


def reviews_by_request(requests: Sequence[TransitionRequest]) -> dict[int, tuple[ReviewFacts, ...]]:
    """Return the reviews of each request, oldest first, by request id; four queries however many there are."""
    rows = Review.objects.filter(request__in=[request.pk for request in requests])
    reviews = list(
        rows.select_related("reviewer", "on_behalf_of", "request__version", "passkey_signature").order_by("pk")
    )
    rights = review_rights(
        (row.request.version.model_id, person.pk)
        for row in reviews
        for person in (row.reviewer, row.on_behalf_of)
        if person
    )
    facts: dict[int, tuple[ReviewFacts, ...]] = {}
    for row in reviews:
        authority = row.on_behalf_of or row.reviewer
        groups, roles = rights[row.request.version.model_id, authority.pk]
        review = ReviewFacts(
            reviewer=row.reviewer.username,
            groups=groups,
            decision=row.decision,
            digest=row.subject_digest,
            at=row.given_at,
            can_decide=all(person.is_active and not person.is_service for person in (row.reviewer, authority)),
            roles=roles,
            on_behalf_of=row.on_behalf_of.username if row.on_behalf_of else "",
            parts=row.subject_parts,
            signed=row.signed_at is not None,
            by_passkey=passkey_signature_of(row) is not None,
        )
        facts[row.request_id] = (*facts.get(row.request_id, ()), review)
    return facts


def overrides_by_request(requests: Sequence[TransitionRequest]) -> dict[int, tuple[OverrideFacts, ...]]:
    """Return the overrides of each request, oldest first, by request id; four queries however many there are."""
    rows = Override.objects.filter(request__in=[request.pk for request in requests])
    overrides = list(
        rows.select_related("given_by", "request__version", "withdrawal", "passkey_signature").order_by("pk")
    )
    rights = review_rights((row.request.version.model_id, row.given_by_id) for row in overrides)
    facts: dict[int, tuple[OverrideFacts, ...]] = {}
    for row in overrides:
        override = OverrideFacts(
            rule=row.rule,
            by=row.given_by.username,
            groups=rights[row.request.version.model_id, row.given_by_id][0],
            reason=row.reason,
            digest=row.subject_digest,
            at=row.given_at,
            can_decide=row.given_by.is_active and not row.given_by.is_service,
            signed=row.signed_at is not None,
            by_passkey=passkey_signature_of(row) is not None,
            withdrawn_at=row.withdrawn.withdrawn_at if row.withdrawn else None,
        )
        facts[row.request_id] = (*facts.get(row.request_id, ()), override)
    return facts
