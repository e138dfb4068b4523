"""Lists of people and groups, each in a fixed number of queries."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db.models import Count, Q, QuerySet

from accounts.models import User
from core.errors import NotFound

KINDS = {"people": Q(is_service=False), "service": Q(is_service=True), "off": Q(is_active=False)}


def people_rows(text: str = "", kind: str = "") -> QuerySet[User]:
    """Return accounts by username, with their groups. ``kind`` is one of KINDS, "" for all active accounts."""
    rows = User.objects.select_related("owner").prefetch_related("groups").order_by("username")
    rows = rows.filter(KINDS[kind]) if kind in KINDS else rows
    if kind != "off":
        rows = rows.filter(is_active=True)
    if text:
        rows = rows.filter(Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text))
    return rows


def find_person(username: str) -> User:
    """Return an account by its username. Raises NotFound."""
    person = User.objects.filter(username=username).select_related("owner").first()
    if person is None:
        raise NotFound(f"There is no account {username[:150]}.")
    return person


def group_rows() -> QuerySet[Group]:
    """Return groups by name, with the number of their active members."""
    return Group.objects.annotate(member_count=Count("user", filter=Q(user__is_active=True))).order_by("name")
