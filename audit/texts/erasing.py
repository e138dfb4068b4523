"""Erases the texts of a person from the log: texts and salts go, commitments stay, so every event is as before."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.identities.erasing import identities_behind
from audit.models import EventText
from audit.verifier.audit_verify import NAMED_OBJECT
from core.actors import ActorKind

_BEFORE = '["before"'


def count_texts(ref: str, names: Collection[str]) -> int:
    """Return the number of texts that `erase_texts` would erase."""
    return _rows(ref, names).count()


def erase_texts(ref: str, names: Collection[str]) -> int:
    """Erase the texts of an actor who has these names from the log, and return their number.

    Call it before the names are erased. A text of theirs goes also where a later event repeats it as the value before,
    or where a job repeats it.
    """
    return _rows(ref, names).update(salt=None, value=None, erased_at=timezone.now())


def _rows(ref: str, names: Collection[str]) -> QuerySet[EventText]:
    stored = EventText.objects.filter(erased_at__isnull=True)
    commitments = identities_behind(ref, names).values_list("commitment", flat=True)
    own = Q(subject__in=[ref, *(f"{NAMED_OBJECT}{digest}" for digest in commitments)])
    repeating = Q(place__startswith=_BEFORE) | Q(subject__startswith=f"{ActorKind.SYSTEM}:")
    return stored.filter(own | (repeating & Q(value__in=stored.filter(own).values("value"))))
