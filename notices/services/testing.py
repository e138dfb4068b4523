"""Test messages: a person sends one to themselves by e-mail or chat, at most three in ten minutes."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.reauthentication import require_person
from audit.actions import Action
from audit.models import Event
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, InvalidState
from core.refs import user_ref
from notices.channels import Outcome, send_by
from notices.models import Channel, Message, Notice, Topic
from notices.preferences import chat_address_of

MAX_TESTS = 3
WINDOW = timedelta(minutes=10)
_TITLE = "Test message from Custody"
_PATH = "/account/notifications/"


def send_test(*, actor: Actor, channel: str) -> Outcome:
    """Send the actor a test message by a channel and return the outcome. A failed test is not tried again.

    No transaction is open while the mail server or the chat is called. Raises InvalidInput for an unknown channel.
    Raises InvalidState where no address is set up, or after too many tests. Raises Denied unless the actor is a person
    who is signed in.
    """
    if channel not in (Channel.EMAIL, Channel.CHAT):
        raise InvalidInput(f"Unknown channel {channel[:20]!r}. Choose {Channel.EMAIL.value} or {Channel.CHAT.value}.")
    person = _reserve_attempt(actor, Channel(channel))
    now = timezone.now()
    text = f"{person.username} sent this message to check that notifications arrive."
    notice = Notice(
        person=person,
        event_id=uuid.uuid4(),
        topic=Topic.MENTION,
        title=_TITLE,
        text=text,
        path=_PATH,
        created_at=now,
    )
    return send_by(Message(notice=notice, channel=channel, give_up_at=now))


@transaction.atomic
def _reserve_attempt(actor: Actor, channel: Channel) -> User:
    """Record the attempt before it is made, so that parallel attempts cannot exceed the limit. Raises InvalidState."""
    person = require_person(actor, Action.NOTICES_TEST_SENT, "send a test message")
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if why := why_not_send(person, channel):
        raise InvalidState(why)
    recent = Event.objects.filter(
        action=Action.NOTICES_TEST_SENT, actor_ref=actor.ref, outcome="ok", at__gt=timezone.now() - WINDOW
    )
    if recent.count() >= MAX_TESTS:
        minutes = int(WINDOW.total_seconds() // 60)
        raise InvalidState(f"You can send {MAX_TESTS} tests in {minutes} minutes. Wait, then try again.")
    record(
        actor=actor,
        action=Action.NOTICES_TEST_SENT,
        obj=user_ref(person.username),
        after={"channel": channel.value},
    )
    return person


def why_not_send(person: User, channel: Channel) -> str:
    """Return why nothing can be sent to a person by a channel, "" where it can be tried."""
    if channel is Channel.CHAT:
        return "" if chat_address_of(person) else "You have no chat address. Enter one first."
    if not settings.EMAIL_HOST:
        return "No mail server is set up. An operator sets CUSTODY_EMAIL_URL."
    return "" if person.email else "Your account has no e-mail address. An administrator can enter it."
