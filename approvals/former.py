"""Whether a version was at a target before, on an approval that was carried out there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from approvals.kinds import RequestKind
from approvals.models import RequestState, TransitionRequest


def former_since(requests: Sequence[TransitionRequest]) -> dict[int, datetime]:
    """Return, for each rollback whose version was at its target before, when it left; one query for all.

    Only requests carried out after an approval count. A version that still is in Production, superseded, left when it was
    superseded.
    """
    asked = {(row.version_id, row.target): row for row in requests if row.kind == RequestKind.ROLLBACK}
    if not asked:
        return {}
    applied = TransitionRequest.objects.filter(
        version__in={version for version, _ in asked},
        state=RequestState.APPLIED,
        kind__in=[RequestKind.PROMOTION.value, RequestKind.ROLLBACK.value],
    )
    found: dict[int, datetime] = {}
    for version, target, closed in applied.order_by("closed_at").values_list("version_id", "target", "closed_at"):
        request = asked.get((version, target))
        if request is not None and closed is not None:
            found[request.pk] = request.version.superseded_at or closed
    return found
