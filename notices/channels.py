"""Sending of a notice by one channel: an e-mail over SMTP, or a chat message to an incoming webhook."""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from email.utils import formataddr
from urllib.parse import urlsplit

import orjson
from django.conf import settings
from django.core.mail import BadHeaderError, EmailMultiAlternatives
from django.template.loader import render_to_string

from accounts.authentication import actor_from_user
from accounts.models import User
from notices.models import Channel, ChatAddress, ChatFormat, Message, Notice
from webhooks.permissions import is_operator
from webhooks.secrecy import Unreadable, unseal
from webhooks.transport import Answer, post

_PERMANENT_SMTP = 500  # the lowest SMTP status of a permanent failure
_SERVER_ERROR = 500  # the lowest HTTP status of an error of the server, after which an attempt may succeed
_RETRYABLE = frozenset({408, 425, 429})
_MAX_RETRY_AFTER = 3600


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one attempt. ``for_good`` tells that every other attempt would fail too.

    ``retry_after`` is the wait that the receiver asks for, in seconds.
    """

    sent: bool
    error: str = ""
    for_good: bool = False
    retry_after: int = 0


def send_by(message: Message) -> Outcome:
    """Send a message once and return the outcome. Do not call it in a transaction: it waits for another server."""
    notice = message.notice
    return _send_email(notice) if message.channel == Channel.EMAIL else _send_chat(notice)


def link_to(notice: Notice) -> str:
    """Return the address of the page that a notice is about, "" where CUSTODY_BASE_URL is not set."""
    return f"{settings.BASE_URL}{notice.path}" if settings.BASE_URL else ""


def _send_email(notice: Notice) -> Outcome:
    if not settings.EMAIL_HOST:
        return Outcome(sent=False, error="No mail server is set up (CUSTODY_EMAIL_URL).", for_good=True)
    context = {"notice": notice, "link": link_to(notice), "settings_link": _settings_link()}
    person = notice.person
    mail = EmailMultiAlternatives(
        subject=" ".join(notice.title.split()),
        body=render_to_string("emails/notice.txt", context),
        to=[formataddr((person.get_full_name(), person.email))],
        headers={"Message-ID": _message_id(notice), "Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("emails/notice.html", context), "text/html")
    try:
        mail.send()
    except BadHeaderError as error:
        return Outcome(sent=False, error=f"The e-mail address is invalid: {error}", for_good=True)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return Outcome(
            sent=False,
            error=f"The mail server refused the recipient: {codes}",
            for_good=all(code >= _PERMANENT_SMTP for code in codes),
        )
    except smtplib.SMTPResponseException as error:
        return Outcome(
            sent=False,
            error=f"The mail server answered {error.smtp_code} {error.smtp_error!r}",
            for_good=error.smtp_code >= _PERMANENT_SMTP and not isinstance(error, smtplib.SMTPAuthenticationError),
        )
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Outcome(sent=False, error=f"The mail server cannot be used: {type(error).__name__}: {error}")
    return Outcome(sent=True)


def _message_id(notice: Notice) -> str:
    """Return the id of a notice's e-mail. It is the same in every attempt, so that a mailbox can drop duplicates."""
    host = urlsplit(settings.BASE_URL).hostname or "custody.invalid"
    return f"<{notice.event_id}.{notice.person_id}@{host}>"


def _settings_link() -> str:
    return f"{settings.BASE_URL}/account/notifications/" if settings.BASE_URL else ""


def _send_chat(notice: Notice) -> Outcome:
    address = ChatAddress.objects.filter(person=notice.person).first()
    if address is None:
        return Outcome(sent=False, error="The person has removed the chat address.", for_good=True)
    try:
        url = unseal(address.sealed_url)
    except Unreadable as error:
        return Outcome(sent=False, error=str(error), for_good=True)
    body = orjson.dumps(chat_body(address.format, notice.title, notice.text, link_to(notice)))
    headers = {"Content-Type": "application/json"}
    private = may_reach_private_network(notice.person)
    return _outcome(post(url, body, headers, timeout=settings.WEBHOOK_TIMEOUT, private=private))


def may_reach_private_network(person: User) -> bool:
    """Return whether a person's chat may be on the private network: the setting allows it and they are an operator."""
    return bool(settings.WEBHOOK_ALLOW_PRIVATE) and is_operator(actor_from_user(person, auth="system", request_id=""))


def chat_body(form: str, title: str, text: str, link: str) -> dict[str, object]:
    """Return the body of a message to an incoming webhook: Slack's `text`, or Teams' adaptive card in a message."""
    if form == ChatFormat.SLACK:
        lines = [f"*{_slack(title)}*", _slack(text), _slack(link)]
        return {"text": "\n".join(line for line in lines if line.strip("*"))}
    blocks = [
        {"type": "TextBlock", "text": _teams(title), "weight": "Bolder", "wrap": True},
        *([{"type": "TextBlock", "text": _teams(text), "wrap": True}] if text else []),
    ]
    actions = [{"type": "Action.OpenUrl", "title": "Open", "url": link}] if link else []
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        **({"actions": actions} if actions else {}),
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _slack(text: str) -> str:
    """Return a text with Slack's three control characters escaped, so that no text notifies @channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _teams(text: str) -> str:
    """Return a text with the characters of Markdown escaped, so that an adaptive card shows it unchanged."""
    return "".join(f"\\{char}" if char in "\\`*_[]()#+-!|<>" else char for char in text)


def _outcome(answer: Answer) -> Outcome:
    if answer.is_success:
        return Outcome(sent=True)
    error = answer.error or f"The chat answered {answer.status}."
    is_retryable = answer.status is None or answer.status in _RETRYABLE or answer.status >= _SERVER_ERROR
    return Outcome(
        sent=False,
        error=error,
        for_good=answer.refused or not is_retryable,
        retry_after=min(answer.retry_after or 0, _MAX_RETRY_AFTER),
    )
