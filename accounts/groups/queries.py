"""Memberships that are in force, for lists."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.models import Group
from django.db.models import F, QuerySet

from accounts.models import Membership


def memberships_of(group: Group) -> QuerySet[Membership]:
    """Return the memberships of a group that are in force, with their accounts: active ones first, by username."""
    rows = Membership.objects.filter(group=group, user__groups=group).select_related("user__owner")
    return rows.order_by("-user__is_active", "user__username")


def expiries_of(user_ids: Collection[int]) -> dict[tuple[int, str], datetime]:
    """Return when memberships of accounts end, by account id and group name, without those that do not; one query."""
    rows = Membership.objects.filter(user__in=user_ids, expires_at__isnull=False, user__groups=F("group"))
    ends = rows.values_list("user_id", "group__name", "expires_at")
    return {(user_id, name): at for user_id, name, at in ends if at is not None}
