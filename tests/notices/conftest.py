"""A mail server and a chat receiver on this machine, and the governed registry whose changes people are told of."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django import Settings

from approvals.models import TransitionRequest
from tests.approvals.conftest import (
    Ask,
    NewVersion,
    RunChecks,
    _own_store,
    ask,
    ask_and_check,
    by_ada,
    by_bea,
    new_version,
    policies,
    run_checks,
)
from tests.webhooks.receiver import Receiver

__all__ = ["_own_store", "ask", "by_ada", "by_bea", "new_version", "policies", "run_checks"]


class Mailbox:
    """A real SMTP server that keeps what it gets. ``answers`` are given in turn before it accepts anything."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answers:
            return self.answers.pop(0)
        self.mails.append(BytesParser(policy=modern).parsebytes(envelope.content or b""))  # type: ignore[arg-type]  # bytes here
        return "250 OK"


@pytest.fixture
def mailbox(settings: Settings) -> Iterator[Mailbox]:
    box = Mailbox()
    box.controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = box.port
    yield box
    box.controller.stop()


@pytest.fixture
def chat(settings: Settings) -> Iterator[Receiver]:
    settings.WEBHOOK_ALLOW_HTTP = settings.WEBHOOK_ALLOW_PRIVATE = True
    settings.WEBHOOK_TIMEOUT = 2.0
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def ready(new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """A request for Production whose checks all passed.

    It is opened after the people of a test are there: they are told of it.
    """
    return ask_and_check(new_version, ask, run_checks)
