"""Sends a person a test message by one of their channels. At most three in ten minutes; each is audited."""

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

MOST = 3
WINDOW = timedelta(minutes=10)
_TITLE = "A test from Custody"
_PATH = "/account/notifications/"


def send_test(*, actor: Actor, channel: str) -> Outcome:
    """Send the actor a test by one of their channels and return the outcome; it is not tried again.

    No transaction is open while the mail server or the chat is waited for. Raises InvalidInput: there is no such
    channel. Raises InvalidState: nothing is set up to send to, or too many tests lately. Raises Denied for all but
    people who are signed in.
    """
    if channel not in (Channel.EMAIL, Channel.CHAT):
        raise InvalidInput(f"A test goes by {Channel.EMAIL.value} or {Channel.CHAT.value}.")
    person = _reserve_attempt(actor, Channel(channel))
    now = timezone.now()
    text = f"{person.username} asked for this message, to see that notifications arrive."
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
    """Count and record the attempt before it is made, so that parallel attempts cannot exceed the limit."""
    person = require_person(actor, Action.NOTICES_TEST_SENT, "have a test sent")
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
    if why := why_not_send(person, channel):
        raise InvalidState(why)
    lately = Event.objects.filter(
        action=Action.NOTICES_TEST_SENT, actor_ref=actor.ref, outcome="ok", at__gt=timezone.now() - WINDOW
    )
    if lately.count() >= MOST:
        minutes = int(WINDOW.total_seconds() // 60)
        raise InvalidState(f"{MOST} tests in {minutes} minutes are enough. Wait a little, then try again.")
    record(
        actor=actor,
        action=Action.NOTICES_TEST_SENT,
        obj=user_ref(person.username),
        after={"channel": channel.value},
    )
    return person


def why_not_send(person: User, channel: Channel) -> str:
    """Return the reason why nothing can be sent to a person by a channel, "" when it can be tried."""
    if channel is Channel.CHAT:
        return "" if chat_address_of(person) else "You have given no chat address yet."
    if not settings.EMAIL_HOST:
        return "This server has no mail server to send with. An operator sets CUSTODY_EMAIL_URL."
    return "" if person.email else "Your account has no e-mail address. An administrator can enter it."
