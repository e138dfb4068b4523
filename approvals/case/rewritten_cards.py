"""Cards that people rewrote after the version was approved. New measurements in a card do not count."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Q

from approvals.models import TransitionRequest
from registry.cards import EDITABLE_KEYS
from registry.models import CardRevision


def rewritten_cards(requests: Iterable[TransitionRequest]) -> dict[int, datetime]:
    """Return the time of the newest card revision, by request id, for requests whose card people rewrote since they
    closed.

    Two queries. Only the fields that people write are compared, because opening a rollback updates the measured ones.
    """
    rows = [row for row in requests if row.closed_at is not None]
    revisions: dict[int, list[tuple[int, datetime]]] = {}
    numbers = CardRevision.objects.filter(version__in={row.version_id for row in rows}).order_by("number")
    for version_id, number, at in numbers.values_list("version", "number", "created_at"):
        revisions.setdefault(version_id, []).append((number, at))
    pairs: dict[int, tuple[tuple[int, int], tuple[int, int], datetime]] = {}
    for row in rows:
        card_revisions = revisions.get(row.version_id, [])
        then = max((number for number, at in card_revisions if row.closed_at and at <= row.closed_at), default=0)
        if card_revisions and card_revisions[-1][0] != then:
            pairs[row.pk] = ((row.version_id, then), (row.version_id, card_revisions[-1][0]), card_revisions[-1][1])
    texts = _texts({key for then, last, _ in pairs.values() for key in (then, last)})
    return {pk: at for pk, (then, last, at) in pairs.items() if texts.get(then) != texts.get(last)}


def _texts(keys: set[tuple[int, int]]) -> dict[tuple[int, int], dict[str, object]]:
    """Return the non-empty fields that people wrote in these revisions, by version id and revision number."""
    if not keys:
        return {}
    condition = reduce(or_, (Q(version=version_id, number=number) for version_id, number in keys))
    rows = CardRevision.objects.filter(condition).order_by().values_list("version", "number", "body")
    return {
        (version_id, number): {key: body[key]["value"] for key in EDITABLE_KEYS if key in body and body[key]["value"]}
        for version_id, number, body in rows
    }
