"""Testing one's own channels: it goes out at once, says what came of it, and not too often."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, DomainError, InvalidInput, InvalidState
from notices.models import Message, Notice
from notices.services.reading import set_chat_address
from notices.services.testing import MAX_TESTS, WINDOW, send_test
from tests.conftest import Acting
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.notices.conftest import Mailbox
from tests.webhooks.receiver import Receiver

__all__ = ["signed_in"]

SETTINGS = "/account/notifications/"


@pytest.fixture
def reachable(bea: User) -> User:
    User.objects.filter(pk=bea.pk).update(email="bea@example.org")
    return bea


def sent() -> int:
    return Event.objects.filter(action=Action.NOTICES_TEST_SENT, outcome="ok").count()


def test_an_email_arrives(mailbox: Mailbox, reachable: User, by_bea: Actor) -> None:
    assert send_test(actor=by_bea, channel="email").sent
    (mail,) = mailbox.mails
    assert (mail["Subject"].strip(), mail["To"]) == ("Test message from Custody", "bea@example.org")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "bea sent this message" in body.get_content()
    assert (sent(), Notice.objects.count(), Message.objects.count()) == (1, 0, 0)


@pytest.mark.parametrize(("form", "where"), [("slack", "text"), ("teams", "attachments")])
def test_a_chat_message_arrives(form: str, where: str, chat: Receiver, ops: User, acting: Acting) -> None:
    set_chat_address(actor=acting(ops), url=chat.url(), form=form)
    assert send_test(actor=acting(ops), channel="chat").sent
    assert "Test message from Custody" in str(chat.hits[0].json[where])
    assert len(chat.hits) == 1


def test_what_went_wrong_is_said_and_not_tried_again(
    mailbox: Mailbox, chat: Receiver, ops: User, acting: Acting
) -> None:
    User.objects.filter(pk=ops.pk).update(email="ops@example.org")
    set_chat_address(actor=acting(ops), url=chat.url(), form="slack")
    mailbox.answers, chat.answers = ["554 Never"], [404]
    assert "554" in send_test(actor=acting(ops), channel="email").error
    assert "404" in send_test(actor=acting(ops), channel="chat").error
    assert (mailbox.mails, len(chat.hits), Message.objects.count()) == ([], 1, 0)


def test_three_in_ten_minutes_are_enough(mailbox: Mailbox, reachable: User, by_bea: Actor) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        mailbox.answers = ["554 Never"]
        for _ in range(MAX_TESTS):
            send_test(actor=by_bea, channel="email")
        with pytest.raises(InvalidState, match="3 tests in 10 minutes"):
            send_test(actor=by_bea, channel="email")
    assert (len(mailbox.mails), sent()) == (MAX_TESTS - 1, MAX_TESTS)
    with time_machine.travel(now + WINDOW + timedelta(seconds=1), tick=False):
        assert send_test(actor=by_bea, channel="email").sent


def test_the_limit_is_each_persons_own(
    mailbox: Mailbox, reachable: User, by_bea: Actor, cy: User, acting: Acting
) -> None:
    User.objects.filter(pk=cy.pk).update(email="cy@example.org")
    for _ in range(MAX_TESTS):
        send_test(actor=by_bea, channel="email")
    assert send_test(actor=acting(cy), channel="email").sent


@pytest.mark.parametrize(
    ("channel", "error"), [("inbox", InvalidInput), ("pigeon", InvalidInput), ("chat", InvalidState)]
)
def test_what_cannot_be_tested(
    channel: str, error: type[DomainError], mailbox: Mailbox, reachable: User, by_bea: Actor
) -> None:
    with pytest.raises(error):
        send_test(actor=by_bea, channel=channel)
    assert (mailbox.mails, sent()) == ([], 0)


def test_without_a_mail_server_or_an_address_it_says_so(
    bea: User, by_bea: Actor, mailbox: Mailbox, settings: Settings
) -> None:
    with pytest.raises(InvalidState, match="no e-mail address"):
        send_test(actor=by_bea, channel="email")
    settings.EMAIL_HOST = ""
    with pytest.raises(InvalidState, match="CUSTODY_EMAIL_URL"):
        send_test(actor=by_bea, channel="email")
    assert sent() == 0


def test_only_people_on_the_pages(mailbox: Mailbox, reachable: User, by_bea: Actor, bot: User, acting: Acting) -> None:
    for actor in (replace(by_bea, auth="token"), acting(bot)):
        with pytest.raises(Denied):
            send_test(actor=actor, channel="email")
    assert (mailbox.mails, sent()) == ([], 0)


def test_the_button_says_what_came_of_it(mailbox: Mailbox, reachable: User, signed_in: SignedIn) -> None:
    client = signed_in(reachable)
    assert f"{SETTINGS}test/email/" in text_of(client.get(SETTINGS))
    assert "A test notification was sent by e-mail." in press(client)
    mailbox.answers = ["554 Never"]
    assert "could not be sent by e-mail." in press(client)
    press(client)
    assert "You can send 3 tests in 10 minutes." in press(client)
    assert client.get(f"{SETTINGS}test/email/").status_code == 405
    assert "Choose email or chat." in text_of(client.post(f"{SETTINGS}test/pigeon/", follow=True))


def test_no_button_where_nothing_can_be_sent(bea: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(bea).get(SETTINGS))
    assert "/test/" not in page
    assert "No mail server is set up" in page


def test_the_button_needs_the_csrf_token(mailbox: Mailbox, reachable: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(reachable)
    assert client.post(f"{SETTINGS}test/email/").status_code == 403
    assert mailbox.mails == []


def press(client: Client) -> str:
    return text_of(client.post(f"{SETTINGS}test/email/", follow=True))
