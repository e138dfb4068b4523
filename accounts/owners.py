"""Present and former owners of service accounts. They count as authors of the work of the account."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Q

from accounts.models import User


def owners_of(usernames: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the current and former owners of these accounts by username; an account without owners is absent.

    Makes one query.
    """
    owned = Q(owner__isnull=False) | Q(former_owners__isnull=False)
    rows = User.objects.filter(owned, username__in=set(usernames))
    names: dict[str, set[str]] = {}
    for name, *owners in rows.values_list("username", "owner__username", "former_owners__owner__username"):
        names.setdefault(name, set()).update(owner for owner in owners if owner)
    return {name: frozenset(owners) for name, owners in names.items()}
