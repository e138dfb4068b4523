"""Creation of notices: one for each event and person who may see its model, by the channels that the person chose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings

from accounts.models import User
from audit.models import Event
from audit.services import enqueue
from notices.drafts import Draft
from notices.models import Channel, ChatAddress, Message, Notice
from notices.preferences import preferences_of, wants
from registry.permissions import who_may_read

GIVE_UP_AFTER = timedelta(hours=24)
_TITLE, _TEXT, _PATH = 300, 1000, 600


def create_notices(event: Event, drafts: Sequence[Draft]) -> None:
    """Write the notices of an event and queue their messages, in the transaction that records the event.

    A person gets one notice of an event: that of the first draft that names them. Idempotent; a fixed number of
    queries.
    """
    people = _people({pk for draft in drafts for pk in draft.person_ids})
    preferences = preferences_of(people)
    rows: dict[int, Notice] = {}
    for draft in drafts:
        for pk in _allowed(draft, people):
            rows.setdefault(pk, _notice(event, draft, pk, in_app=wants(preferences, pk, draft.topic, Channel.INBOX)))
    if not rows:
        return
    Notice.objects.bulk_create(rows.values(), ignore_conflicts=True)
    written = Notice.objects.filter(event_id=event.event_id, person__in=rows)
    messages = list(_messages(event, written, people, preferences))
    if messages:
        Message.objects.bulk_create(messages, ignore_conflicts=True)
        enqueue("notices.tasks.send_due")


def _people(person_ids: set[int]) -> dict[int, User]:
    """Return the active people among these, by id. Service accounts get no notices: their owners get them."""
    rows = (
        User.objects.filter(pk__in=person_ids, is_active=True, is_service=False) if person_ids else User.objects.none()
    )
    return {row.pk: row for row in rows}


def _allowed(draft: Draft, people: dict[int, User]) -> Iterable[int]:
    person_ids = draft.person_ids & people.keys()
    if not person_ids or draft.model_id is None:
        return person_ids
    return who_may_read(draft.model_id, [people[pk] for pk in person_ids])


def _notice(event: Event, draft: Draft, person_id: int, *, in_app: bool) -> Notice:
    return Notice(
        person_id=person_id,
        event_id=event.event_id,
        topic=draft.topic,
        model_id=draft.model_id,
        title=draft.title[:_TITLE],
        text=draft.text[:_TEXT],
        path=draft.path[:_PATH],
        in_inbox=in_app,
        created_at=event.at,
    )


def _messages(
    event: Event, notices: Iterable[Notice], people: dict[int, User], preferences: dict[tuple[int, str, str], bool]
) -> Iterable[Message]:
    chats = set(ChatAddress.objects.filter(person__in=people).values_list("person_id", flat=True))
    for row in notices:
        reachable = {
            Channel.EMAIL: bool(settings.EMAIL_HOST and people[row.person_id].email),
            Channel.CHAT: row.person_id in chats,
        }
        for channel, can_reach in reachable.items():
            if can_reach and wants(preferences, row.person_id, row.topic, channel):
                yield Message(
                    notice=row, channel=channel, next_attempt_at=event.at, give_up_at=event.at + GIVE_UP_AFTER
                )
