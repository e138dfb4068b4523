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


def find_principals(named: Sequence[tuple[PrincipalKind, str]]) -> list[User | Group]:
    """Return the rows behind the names, in the order given; two queries however many there are.

    Raises InvalidInput (somebody named twice), NotFound (nobody of that kind and name).
    """
    if doubled := next((key for key, times in Counter(named).items() if times > 1), None):
        raise InvalidInput(f"{doubled[1]} is named more than once.")
    users = User.objects.filter(username__in=[name for kind, name in named if kind != PrincipalKind.GROUP])
    groups = Group.objects.filter(name__in=[name for kind, name in named if kind == PrincipalKind.GROUP])
    existing: dict[tuple[PrincipalKind, str], User | Group] = {(PrincipalKind.GROUP, row.name): row for row in groups}
    for user in users:
        existing[PrincipalKind.SERVICE if user.is_service else PrincipalKind.USER, user.username] = user
    if missing := next((key for key in named if key not in existing), None):
        raise NotFound(f"There is no {KIND_NAMES[missing[0]]} called {missing[1]}.")
    return [existing[key] for key in named]
