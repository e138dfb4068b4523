"""Erases names from the log: salts and names go, commitments stay, so every event and every proof is as before."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audit.identities.commitments import forget_cached
from audit.identities.names import pseudonym_of
from audit.models import Identity


def identities_behind(ref: str, names: Collection[str]) -> QuerySet[Identity]:
    """Return the identities of an actor who has these names, also those that were erased before."""
    return Identity.objects.filter(
        Q(ref=ref) | Q(ref="", name__in=_own_names(ref, names)) | Q(pseudonym=pseudonym_of(ref))
    )


def count_names(ref: str, names: Collection[str]) -> int:
    """Return the number of names that `erase_names` would erase."""
    return _rows(ref, names).count()


def erase_names(ref: str, names: Collection[str]) -> int:
    """Erase all names of an actor from the log, and these names where events only name them; return their number.

    Other processes show the names for at most ten seconds more.
    """
    rows = _rows(ref, names)
    count = rows.update(name=None, salt=None, pseudonym=pseudonym_of(ref), erased_at=timezone.now())
    forget_cached()
    transaction.on_commit(forget_cached)
    return count


def _rows(ref: str, names: Collection[str]) -> QuerySet[Identity]:
    return Identity.objects.filter(Q(ref=ref) | Q(ref="", name__in=_own_names(ref, names)), name__isnull=False)


def _own_names(ref: str, names: Collection[str]) -> set[str]:
    own = Identity.objects.filter(ref=ref, name__isnull=False)
    return {*names, *(name for name in own.values_list("name", flat=True) if name)}
