"""Memberships that expire: a reminder before, and the end.

An expired membership gives no right from its time on, whether or not this has run: the database leaves it out
(`accounts.models.memberships`). Here the row is deleted and the end is recorded.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from accounts.groups.members import group_names
from accounts.models import Membership
from audit.actions import Action
from audit.services import record
from core.actors import system_actor
from core.refs import user_ref

REMINDED_BEFORE = timedelta(days=14)
_BATCH = 500


def sweep_memberships(*, now: datetime | None = None) -> int:
    """Remind of memberships that end within REMINDED_BEFORE, and end those that have expired; return how many."""
    at = now or timezone.now()
    return sum(_remind(pk, at) for pk in _first(_to_remind(at))) + sum(_end(pk, at) for pk in _first(_expired(at)))


def _first(rows: QuerySet[Membership]) -> list[int]:
    return list(rows.order_by("expires_at", "pk").values_list("pk", flat=True)[:_BATCH])


def _to_remind(at: datetime) -> QuerySet[Membership]:
    is_untold = Q(reminded_for__isnull=True) | ~Q(reminded_for=F("expires_at"))
    return Membership.objects.filter(is_untold, expires_at__gt=at, expires_at__lte=at + REMINDED_BEFORE)


def _expired(at: datetime) -> QuerySet[Membership]:
    return Membership.objects.filter(expires_at__lte=at)


def _locked(rows: QuerySet[Membership], pk: int) -> Membership | None:
    """Return a membership with its row locked, None where somebody else has changed or locked it."""
    locked = rows.select_for_update(of=("self",), skip_locked=True).select_related("user", "group")
    return locked.filter(pk=pk).first()


@transaction.atomic
def _remind(pk: int, at: datetime) -> bool:
    row = _locked(_to_remind(at), pk)
    if row is None:
        return False
    row.reminded_for = row.expires_at
    row.save(update_fields=["reminded_for"])
    record(
        actor=system_actor("sweep_memberships"),
        action=Action.ACCOUNT_MEMBERSHIP_REMINDED,
        obj=user_ref(row.user.username),
        after={"group": row.group.name, "expires_at": row.expires_at},
    )
    return True


@transaction.atomic
def _end(pk: int, at: datetime) -> bool:
    row = _locked(_expired(at), pk)
    if row is None:
        return False
    user, group, expired_at = row.user, row.group, row.expires_at
    row.delete()
    groups = group_names(user)
    record(
        actor=system_actor("sweep_memberships"),
        action=Action.ACCOUNT_MEMBERSHIP_EXPIRED,
        obj=user_ref(user.username),
        before={"groups": sorted({*groups, group.name}), "expires_at": expired_at},
        after={"groups": groups, "group": group.name},
        reason=f"The membership of {group.name} has expired.",
    )
    return True
