"""Queries of a person's own notices, and of the watchers of a model.

Notices about models that the person may no longer see are left out, and those of policy proposals to people who no
longer review policies.
"""

from __future__ import annotations

from django.db.models import Exists, Q, QuerySet

from accounts.models import User
from approvals.permissions.policy_people import REVIEWERS
from core.actors import Actor
from core.errors import NotFound
from core.ids import row_id
from notices.models import Notice, Topic, Watch
from registry.models import RegisteredModel
from registry.permissions import visible_models, who_may_read


def notices_of(actor: Actor) -> QuerySet[Notice]:
    """Return the notices shown to a person, newest first."""
    rows = Notice.objects.filter(person_id=actor.user_id, in_inbox=True)
    rows = rows.filter(~Q(topic=Topic.PROPOSAL) | Exists(policy_reviewers().filter(pk=actor.user_id or 0)))
    return rows.filter(Q(model__isnull=True) | Q(model__in=visible_models(actor))).order_by("-pk")


def policy_reviewers() -> QuerySet[User]:
    """Return the people who may agree to a change of a policy, and so get notices of proposals."""
    return User.objects.filter(groups__name=REVIEWERS, is_active=True, is_service=False)


def unread_of(actor: Actor) -> QuerySet[Notice]:
    """Return a person's unread notices, newest first."""
    return notices_of(actor).filter(read_at__isnull=True)


def newest_notices(actor: Actor, *, limit: int) -> tuple[list[Notice], int]:
    """Return the newest unread notices and the number of all unread ones. One query, two where there are more."""
    rows = list(unread_of(actor)[: limit + 1])
    return rows[:limit], len(rows) if len(rows) <= limit else unread_of(actor).count()


def get_notice(actor: Actor, notice_id: int) -> Notice:
    """Return one of the actor's notices. Raises NotFound where there is none."""
    notice = notices_of(actor).filter(pk=row_id(notice_id)).first()
    if notice is None:
        raise NotFound("You have no such notification.")
    return notice


def watch_of(actor: Actor, model: RegisteredModel) -> Watch | None:
    """Return the watch of the actor on a model, None where they do not watch it."""
    return Watch.objects.filter(person_id=actor.user_id, model=model).first() if actor.user_id else None


def watcher_names(model: RegisteredModel) -> list[str]:
    """Return the usernames of the people who watch a model and may still see it, sorted."""
    people = User.objects.filter(pk__in=Watch.objects.filter(model=model).values("person_id"), is_active=True)
    allowed = who_may_read(model.pk, people)
    return sorted(person.username for person in people if person.pk in allowed)
