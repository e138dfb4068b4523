"""Principals: the people, service accounts and groups that levels are granted to, found by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from django.contrib.auth.models import Group

from accounts.models import User
from core.errors import InvalidInput, NotFound


class PrincipalKind(StrEnum):
    """The kinds of principals."""

    USER = "user"
    SERVICE = "service"
    GROUP = "group"


KIND_NAMES = {PrincipalKind.USER: "person", PrincipalKind.SERVICE: "service account", PrincipalKind.GROUP: "group"}


def find_principals(keys: Sequence[tuple[PrincipalKind, str]]) -> list[User | Group]:
    """Return the users and groups of these kinds and names, in the same order; two queries.

    Raises InvalidInput where a principal is named twice, NotFound where there is no principal of that kind and name.
    """
    if duplicate := next((key for key, times in Counter(keys).items() if times > 1), None):
        raise InvalidInput(f"{duplicate[1]} is named more than once.")
    users = User.objects.filter(username__in=[name for kind, name in keys if kind != PrincipalKind.GROUP])
    groups = Group.objects.filter(name__in=[name for kind, name in keys if kind == PrincipalKind.GROUP])
    existing: dict[tuple[PrincipalKind, str], User | Group] = {(PrincipalKind.GROUP, row.name): row for row in groups}
    for user in users:
        existing[PrincipalKind.SERVICE if user.is_service else PrincipalKind.USER, user.username] = user
    if missing := next((key for key in keys if key not in existing), None):
        raise NotFound(f"There is no {KIND_NAMES[missing[0]]} called {missing[1]}.")
    return [existing[key] for key in keys]
