"""Writing notices: once a person and event, only to people who may see what it is about, by the channels they want."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.conf import settings

from accounts.models import User
from audit.models import Event
from audit.services import enqueue
from notices.audience import Tell
from notices.models import Channel, ChatAddress, Message, Notice
from notices.preferences import preferences_of, wants
from registry.permissions import who_may_read

GIVE_UP_AFTER = timedelta(hours=24)
_TITLE, _TEXT, _PATH = 300, 1000, 600


def tell(event: Event, tells: Sequence[Tell]) -> None:
    """Write the notices of an event, in the transaction that records it. A fixed number of queries; idempotent."""
    people = _people({pk for told in tells for pk in told.person_ids})
    known = preferences_of(people)
    rows: dict[int, Notice] = {}
    for told in tells:
        for pk in _allowed(told, people):
            rows.setdefault(pk, _notice(event, told, pk, shown=wants(known, pk, told.topic, Channel.INBOX)))
    if not rows:
        return
    Notice.objects.bulk_create(rows.values(), ignore_conflicts=True)
    written = Notice.objects.filter(event_id=event.event_id, person__in=rows)
    messages = list(_messages(event, written, people, known))
    if messages:
        Message.objects.bulk_create(messages, ignore_conflicts=True)
        enqueue("notices.tasks.send_due")


def _people(wanted: set[int]) -> dict[int, User]:
    """Return people with active accounts. Service accounts read no notices; their owners are told."""
    rows = User.objects.filter(pk__in=wanted, is_active=True, is_service=False) if wanted else User.objects.none()
    return {row.pk: row for row in rows}


def _allowed(told: Tell, people: dict[int, User]) -> Iterable[int]:
    wanted = told.person_ids & people.keys()
    if not wanted or told.model_id is None:
        return wanted
    return who_may_read(told.model_id, [people[pk] for pk in wanted])


def _notice(event: Event, told: Tell, person_id: int, *, shown: bool) -> Notice:
    return Notice(
        person_id=person_id,
        event_id=event.event_id,
        topic=told.topic,
        model_id=told.model_id,
        title=told.title[:_TITLE],
        text=told.text[:_TEXT],
        path=told.path[:_PATH],
        in_inbox=shown,
        created_at=event.at,
    )


def _messages(
    event: Event, notices: Iterable[Notice], people: dict[int, User], known: dict[tuple[int, str, str], bool]
) -> Iterable[Message]:
    chats = set(ChatAddress.objects.filter(person__in=people).values_list("person_id", flat=True))
    for row in notices:
        reachable = {
            Channel.EMAIL: bool(settings.EMAIL_HOST and people[row.person_id].email),
            Channel.CHAT: row.person_id in chats,
        }
        for channel, is_there in reachable.items():
            if is_there and wants(known, row.person_id, row.topic, channel):
                yield Message(
                    notice=row, channel=channel, next_attempt_at=event.at, give_up_at=event.at + GIVE_UP_AFTER
                )
