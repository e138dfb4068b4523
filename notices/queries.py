"""Reading one's own notices. Those about models that one may no longer see do not exist."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from notices.models import Notice
from registry.permissions import visible_models


def notices_of(actor: Actor) -> QuerySet[Notice]:
    """Return the notices shown to a person, newest first."""
    rows = Notice.objects.filter(person_id=actor.user_id, in_inbox=True)
    return rows.filter(Q(model__isnull=True) | Q(model__in=visible_models(actor))).order_by("-pk")


def unread_of(actor: Actor) -> QuerySet[Notice]:
    """Return those that were not read yet."""
    return notices_of(actor).filter(read_at__isnull=True)


def newest_notices(actor: Actor, *, limit: int) -> tuple[list[Notice], int]:
    """Return the newest unread notices, and how many there are unread; one query where they are few."""
    rows = list(unread_of(actor)[: limit + 1])
    return rows[:limit], len(rows) if len(rows) <= limit else unread_of(actor).count()


def get_notice(actor: Actor, notice_id: int) -> Notice:
    """Return one of one's own notices; NotFound."""
    found = notices_of(actor).filter(pk=row_id(notice_id)).first()
    if found is None:
        raise NotFound("You have no such notification.")
    return found
