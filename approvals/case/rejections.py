"""Earlier rejections of the same files, as facts of a verdict: the reviewer, the time, the comment and the request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import Q

from approvals.models import Decision, Review, TransitionRequest
from approvals.models.requests import request_path
from approvals.verdict.facts import RejectionFacts
from registry.models import ModelVersion


def rejections_by_request(requests: Sequence[TransitionRequest]) -> dict[int, tuple[RejectionFacts, ...]]:
    """Return the rejections of the same files in other requests, by request id; one query."""
    by_version = rejections_by_version(row.version for row in requests)
    return {
        row.pk: tuple(fact for fact in by_version.get(row.version_id, ()) if fact.request_id != row.pk)
        for row in requests
    }


def rejections_by_version(versions: Iterable[ModelVersion]) -> dict[int, tuple[RejectionFacts, ...]]:
    """Return every rejection of each version or of the same payload under any model, oldest first; one query."""
    versions_by_id = {version.pk: version for version in versions}
    same_files = Q(request__version__payload_digest__in={row.payload_digest for row in versions_by_id.values()} - {""})
    rows = Review.objects.filter(Q(request__version__in=set(versions_by_id)) | same_files, decision=Decision.REJECT)
    reviews = list(rows.select_related("reviewer", "request__version__model").order_by("pk"))
    return {
        pk: tuple(_facts(row, version) for row in reviews if _is_of(row, version))
        for pk, version in versions_by_id.items()
    }


def _is_of(row: Review, version: ModelVersion) -> bool:
    rejected = row.request.version
    return rejected.pk == version.pk or rejected.payload_digest == version.payload_digest != ""


def _facts(row: Review, version: ModelVersion) -> RejectionFacts:
    """Return a rejection as a fact of verdicts on a version.

    The name and comment of another model's rejection are hidden, because the reader may not see that model.
    """
    rejected = row.request.version
    elsewhere = rejected.model_id != version.model_id
    return RejectionFacts(
        request_id=row.request_id,
        by=row.reviewer.username,
        at=row.given_at,
        why="" if elsewhere else row.comment,
        subject="the same files in another model" if elsewhere else f"v{rejected.version}",
        path=request_path(row.request_id),
    )
