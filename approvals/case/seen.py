"""The comparison of a request with the state of it that somebody saw."""

from __future__ import annotations

from approvals.case.loading import Case
from core.errors import Conflict, InvalidInput


def require_seen_digest(case: Case, seen_digest: str, *, needed: bool) -> None:
    """Raise Conflict if the request has changed since it was seen, InvalidInput if a needed digest is missing."""
    if not seen_digest and needed:
        raise InvalidInput("seen_digest is missing: the subject digest of the request that you were shown.")
    if seen_digest and seen_digest != case.snapshot.subject_digest:
        raise Conflict(f"Request #{case.request.pk} has changed since you saw it. Reload it, then decide.")
