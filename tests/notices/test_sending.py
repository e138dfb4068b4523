"""Notices on their way out, over a real SMTP server and to a real HTTP receiver."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.policy_changes.propose import propose_policy
from core.actors import Actor
from core.errors import InvalidInput
from notices.channels import Outcome, chat_body
from notices.models import ChatAddress, Message, MessageState, Notice
from notices.services.reading import choose_notices, remove_chat_address, set_chat_address
from notices.services.sending import MAX_ATTEMPTS, send_due, settle, take
from notices.tasks import forget_notices
from tests.approvals.conftest import Ask, NewVersion
from tests.approvals.publishing import person, polly
from tests.approvals.requests.test_many_reviewers import POLICY
from tests.conftest import Acting
from tests.notices.conftest import Mailbox
from tests.webhooks.receiver import Receiver


@pytest.fixture
def reachable(bea: User) -> User:
    User.objects.filter(pk=bea.pk).update(email="bea@example.org", first_name="Béa", last_name="K.")
    return bea


def messages() -> list[tuple[str, str, int]]:
    return list(Message.objects.order_by("channel").values_list("channel", "state", "attempts"))


def test_an_email_goes_out_once(
    mailbox: Mailbox, reachable: User, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    request = ask(new_version())
    assert send_due() == 1
    assert send_due() == 0
    mail = mailbox.mails[0]
    assert mail["Subject"].strip() == "ada asks for your decision: fraud v1 → Production"
    assert "bea@example.org" in mail["To"]
    body, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert body is not None
    assert html is not None
    assert f"http://custody.test/admin/approvals/transitionrequest/{request.pk}/change/" in body.get_content()
    assert "Open in Custody" in html.get_content()
    assert len(mailbox.mails) == 1
    assert messages() == [("email", "sent", 1)]


def test_what_people_wrote_is_escaped(
    mailbox: Mailbox, reachable: User, by_ada: Actor, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    ask(new_version())
    Notice.objects.update(title="A\r\nBcc: cy@example.org <b>", text="<script>alert(1)</script>")
    assert send_due() == 1
    mail = mailbox.mails[0]
    html = mail.get_body(("html",))
    assert mail["Bcc"] is None
    assert html is not None
    assert "<script>" not in html.get_content()


def test_a_busy_server_is_tried_again(
    mailbox: Mailbox, reachable: User, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    mailbox.answers = ["451 Later", "554 Never"]
    ask(new_version())
    assert send_due() == 0
    assert messages() == [("email", "pending", 1)]
    assert send_due() == 0
    assert messages() == [("email", "pending", 1)]
    assert send_due(now=timezone.now() + timedelta(minutes=5)) == 0
    assert messages() == [("email", "failed", 2)]
    assert "554" in Message.objects.get().error


def test_it_is_given_up_on(reachable: User, mailbox: Mailbox, ready: TransitionRequest) -> None:
    mailbox.answers = ["451 Later"] * 20
    later = timezone.now()
    for _ in range(MAX_ATTEMPTS):
        send_due(now=later)
        later += timedelta(minutes=1)
        Message.objects.filter(state=MessageState.PENDING).update(next_attempt_at=later)
    assert messages() == [("email", "failed", MAX_ATTEMPTS)]


def test_a_worker_that_was_given_up_settles_nothing(
    reachable: User, mailbox: Mailbox, ready: TransitionRequest
) -> None:
    first = take()
    second = take(now=timezone.now() + timedelta(minutes=2))
    assert first is not None
    assert second is not None
    settle(lease=first, outcome=Outcome(sent=True))
    assert messages() == [("email", "pending", 2)]


def test_who_left_the_group_gets_no_mail_about_a_proposal(mailbox: Mailbox, db: None) -> None:
    agrees = person("quinn", "policy-reviewers")
    User.objects.filter(pk=agrees.pk).update(email="quinn@example.org")
    propose_policy(actor=polly(), body=POLICY, comment="Two people from now on.")
    agrees.groups.clear()
    assert send_due() == 0
    assert mailbox.mails == []
    assert "no longer reviews policies" in Message.objects.get().error


def test_who_may_no_longer_see_the_model_gets_no_mail(
    mailbox: Mailbox, reachable: User, settings: Settings, ready: TransitionRequest
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    assert send_due() == 0
    assert mailbox.mails == []
    assert "no longer see" in Message.objects.get().error


def test_without_a_mail_server_no_message_is_written(reachable: User, ready: TransitionRequest) -> None:
    assert Message.objects.count() == 0


def test_slack_and_teams(
    chat: Receiver,
    ops: User,
    bea: User,
    acting: Acting,
    policies: object,
    new_version: NewVersion,
    ask: Ask,
    by_ada: Actor,
) -> None:
    ops.groups.set(bea.groups.all())
    by_ops = acting(ops)
    set_chat_address(actor=by_ops, url=chat.url(), form="slack")
    request = ask(new_version())
    assert send_due() == 1
    assert chat.hits[0].json["text"].splitlines() == [
        "*ada asks for your decision: fraud v1 → Production*",
        f"http://custody.test/admin/approvals/transitionrequest/{request.pk}/change/",
    ]
    assert messages() == [("chat", "sent", 1)]


def test_a_chat_that_fails_is_tried_again(
    chat: Receiver, ops: User, bea: User, acting: Acting, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    ops.groups.set(bea.groups.all())
    set_chat_address(actor=acting(ops), url=chat.url(), form="teams")
    chat.answers = [503, 404]
    ask(new_version())
    assert send_due() == 0
    assert messages() == [("chat", "pending", 1)]
    send_due(now=timezone.now() + timedelta(minutes=5))
    assert messages() == [("chat", "failed", 2)]
    card = chat.hits[0].json["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/x", "https://169.254.169.254/", "ftp://example.org/", "https://localhost/"]
)
def test_a_chat_address_of_anybody_must_be_public(url: str, by_bea: Actor, settings: Settings) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with pytest.raises(InvalidInput):
        set_chat_address(actor=by_bea, url=url, form="slack")
    assert not ChatAddress.objects.exists()


def test_a_name_that_leads_inside_is_refused_when_it_is_connected(
    chat: Receiver,
    bea: User,
    by_bea: Actor,
    policies: object,
    new_version: NewVersion,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_chat_address(actor=by_bea, url="https://hooks.example.org/x", form="slack")
    inside = [(2, 1, 6, "", ("127.0.0.1", 443))]
    monkeypatch.setattr("webhooks.addresses.socket.getaddrinfo", lambda *_args, **_kwargs: inside)
    ask(new_version())
    send_due()
    assert chat.hits == []
    assert "not public" in Message.objects.get().error


def test_the_address_is_a_secret(by_bea: Actor) -> None:
    row = set_chat_address(actor=by_bea, url="https://hooks.example.org/T0/secret", form="slack")
    assert "secret" not in row.sealed_url
    assert row.host == "hooks.example.org"
    remove_chat_address(actor=by_bea)
    assert not ChatAddress.objects.exists()


def test_a_channel_that_is_not_wanted_carries_nothing(
    mailbox: Mailbox, reachable: User, by_bea: Actor, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    choose_notices(actor=by_bea, choices={("decision", "inbox")})
    ask(new_version())
    assert Message.objects.count() == 0
    assert Notice.objects.filter(person=reachable).count() == 1


def test_nobody_writes_commands_into_a_chat() -> None:
    body = chat_body("slack", "<!channel> & *x*", "", "")
    assert "<!channel>" not in str(body)
    card = chat_body("teams", "[x](http://evil)", "", "")
    assert "[x](" not in str(card).replace("\\\\", "\\")


def test_old_notices_go(bea: User, ready: TransitionRequest) -> None:
    assert forget_notices() == 0
    Notice.objects.update(created_at=timezone.now() - timedelta(days=200))
    assert forget_notices() >= 1
    assert not Notice.objects.exists()
