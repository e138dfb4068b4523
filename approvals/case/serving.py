"""Deployments of versions that are to leave Production or an alias: those that count as open, and who ended others.

Whoever edits a model ends the records of its deployments. An ended record still counts for a time, and always against
whoever ended it, so that nobody gets round the second person by ending a record first (decision 0186).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from accounts.owners import owners_of
from approvals.case.incumbents import Move
from policies.targets import is_governable
from registry.models import Deployment

# A deployment whose record was ended counts as open for this time, whoever ended it.
ENDED_COUNTS_FOR = timedelta(days=7)


@dataclass(slots=True)
class Serving:
    """The state of the deployments of a version.

    ``deployed``: one is open or was ended lately; the last that was ended counts before ``until``. ``ended_by`` are
    those who ever ended one, with their owners.
    """

    deployed: bool = False
    until: datetime | None = None
    ended_by: frozenset[str] = field(default_factory=frozenset)


NOT_SERVED = Serving()


def load_serving(moves: Sequence[Move]) -> dict[int, Serving]:
    """Return the deployments of the versions that may leave something, by version id; two queries at most."""
    leaving = {move.version.pk for move in moves if move.version.is_current or not is_governable(move.target)}
    if not leaving:
        return {}
    lately = timezone.now() - ENDED_COUNTS_FOR
    rows = Deployment.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=lately) | ~Q(ended_by=""))
    ended = list(rows.filter(version__in=leaving).values_list("version_id", "ended_at", "ended_by"))
    owners = owners_of({name for *_, name in ended if name}) if any(name for *_, name in ended) else {}
    servings: dict[int, Serving] = {}
    for version_id, ended_at, name in ended:
        serving = servings.setdefault(version_id, Serving())
        serving.deployed |= ended_at is None or ended_at > lately
        if ended_at is not None and ended_at > lately:
            serving.until = max(serving.until or ended_at, ended_at + ENDED_COUNTS_FOR)
        if name:
            serving.ended_by |= {name, *owners.get(name, ())}
    return servings
