"""A person's own notices and preferences: marking notices as read, and changing preferences and the chat address.

Only a change of the chat address is audited, because it makes this server call another server.
"""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.reauthentication import require_person
from audit.actions import Action
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput
from core.refs import user_ref
from notices.channels import may_reach_private_network
from notices.models import Channel, ChatAddress, ChatFormat, Notice, Preference, Topic
from notices.preferences import by_default
from notices.queries import get_notice, unread_of
from webhooks.addresses import check_url, split_url
from webhooks.secrecy import seal


def mark_read(*, actor: Actor, notice_id: int) -> Notice:
    """Mark one of the actor's notices as read and return it; marking it again changes nothing. Raises NotFound."""
    notice = get_notice(actor, notice_id)
    Notice.objects.filter(pk=notice.pk, read_at__isnull=True).update(read_at=timezone.now())
    return notice


def mark_all_read(*, actor: Actor) -> int:
    """Mark all of the actor's notices as read; return how many were unread."""
    unread = list(unread_of(actor).values_list("pk", flat=True))
    return Notice.objects.filter(pk__in=unread).update(read_at=timezone.now())


@transaction.atomic
def choose_notices(*, actor: Actor, choices: Collection[tuple[str, str]]) -> None:
    """Set the notices that the actor receives to exactly these (topic, channel) pairs.

    Raises Denied, and InvalidInput for an unknown pair.
    """
    person = require_person(actor, Action.NOTICES_CHAT_CHANGED, "choose notifications")
    pairs = {(topic.value, channel.value) for topic in Topic for channel in Channel}
    if unknown := set(choices) - pairs:
        raise InvalidInput(f"Unknown notification setting {'/'.join(min(unknown))[:100]!r}.")
    User.objects.select_for_update().get(pk=person.pk)
    Preference.objects.filter(person=person).delete()
    Preference.objects.bulk_create(
        Preference(person=person, topic=topic, channel=channel, wanted=(topic, channel) in choices)
        for topic, channel in sorted(pairs)
        if by_default(topic, channel) != ((topic, channel) in choices)
    )


@transaction.atomic
def set_chat_address(*, actor: Actor, url: str, form: str) -> ChatAddress:
    """Set the incoming webhook that receives the actor's notices in a chat.

    Raises Denied, and InvalidInput for an unknown format and for an address that is not allowed.
    """
    person = require_person(actor, Action.NOTICES_CHAT_CHANGED, "choose where their notices go")
    if form not in ChatFormat.values:
        raise InvalidInput(f"Unknown chat format {form[:20]!r}. Choose {' or '.join(ChatFormat.values)}.")
    checked = check_url(url.strip(), private=may_reach_private_network(person))
    host = split_url(checked).host
    row, _ = ChatAddress.objects.update_or_create(
        person=person,
        defaults={"format": form, "sealed_url": seal(checked), "host": host, "updated_at": timezone.now()},
    )
    _record(actor, person, {"format": form, "host": host})
    return row


@transaction.atomic
def remove_chat_address(*, actor: Actor) -> None:
    """Remove the chat address of the actor; without one nothing happens. Raises Denied."""
    person = require_person(actor, Action.NOTICES_CHAT_CHANGED, "choose where their notices go")
    if ChatAddress.objects.filter(person=person).delete()[0]:
        _record(actor, person, {"host": ""})


def _record(actor: Actor, person: User, after: dict[str, object]) -> None:
    record(actor=actor, action=Action.NOTICES_CHAT_CHANGED, obj=user_ref(person.username), after=after)
