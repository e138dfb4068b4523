"""A secret that acts as a person for minutes: who gets one, what it may do, and everything that ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.approval_sessions import (
    APPROVAL_SESSION_LIFE,
    end_approval_sessions,
    live_sessions,
    start_approval_session,
)
from accounts.authentication import actor_from_secret, token_digest
from accounts.models import ApprovalSession, User
from accounts.reauthentication import MAX_FAILURES
from accounts.services import issue_token
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from audit.services import record_denial
from core.actors import Actor, ActorKind, Scope, system_actor
from core.errors import Denied, NotAuthenticated
from tests.conftest import Acting

PASSWORD = "bea-password-1"
Start = Callable[[], str]


@pytest.fixture
def start(bea: User, acting: Acting) -> Start:
    return lambda: start_approval_session(actor=acting(bea), password=PASSWORD, session_key="browser")[1]


def works(secret: str) -> bool:
    try:
        actor_from_secret(secret, request_id="")
    except NotAuthenticated:
        return False
    return True


def test_it_acts_as_the_person_signed_in(start: Start, bea: User) -> None:
    actor = actor_from_secret(start(), request_id="r")
    assert (actor.kind, actor.name, actor.user_id, actor.auth) == (ActorKind.USER, "bea", bea.pk, "session")
    assert actor.scopes == frozenset(Scope)


def test_only_its_digest_is_kept_and_its_start_is_an_event(start: Start) -> None:
    secret = start()
    row = ApprovalSession.objects.get()
    assert secret.startswith("csa_")
    assert (row.digest, row.issued_by) == (token_digest(secret), token_digest("browser"))
    event = Event.objects.get(action=Action.ACCOUNT_APPROVAL_SESSION_STARTED, outcome="ok")
    assert (facts(event)["object"], actor_name(event)) == ("user:bea", "bea")
    assert secret.encode() not in bytes(event.body)


def test_it_lives_for_fifteen_minutes_at_most(start: Start) -> None:
    assert timedelta(minutes=15) >= APPROVAL_SESSION_LIFE
    secret = start()
    with time_machine.travel(timezone.now() + APPROVAL_SESSION_LIFE - timedelta(seconds=5), tick=False):
        assert works(secret)
    with time_machine.travel(timezone.now() + APPROVAL_SESSION_LIFE, tick=False):
        assert not works(secret)


def test_a_new_one_ends_the_earlier(start: Start, bea: User) -> None:
    first, second = start(), start()
    assert (works(first), works(second)) == (False, True)
    assert live_sessions(bea.pk).count() == 1


def test_ending_it(start: Start, bea: User, acting: Acting) -> None:
    secret = start()
    end_approval_sessions(actor=acting(bea))
    end_approval_sessions(actor=acting(bea))
    assert not works(secret)
    assert Event.objects.filter(action=Action.ACCOUNT_APPROVAL_SESSION_ENDED).count() == 1


@pytest.mark.parametrize("change", [{"is_active": False}, {"is_service": True}])
def test_it_ends_with_the_account(change: dict[str, bool], start: Start, bea: User) -> None:
    secret = start()
    User.objects.filter(pk=bea.pk).update(**change)
    assert not works(secret)


def test_it_ends_with_the_password(start: Start, bea: User) -> None:
    secret = start()
    bea.set_password("another-password-1")
    bea.save()
    assert not works(secret)


def test_signing_out_ends_what_that_sign_in_started(bea: User, acting: Acting) -> None:
    client, other = Client(), Client()
    client.force_login(bea)
    other.force_login(bea)
    key = client.session.session_key or ""
    secret = start_approval_session(actor=acting(bea), password=PASSWORD, session_key=key)[1]
    other.logout()
    assert works(secret)
    client.logout()
    assert not works(secret)


@pytest.mark.parametrize("auth", ["token", "command", "system", "none"])
def test_nobody_but_who_signed_in_starts_one(auth: str, bea: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        start_approval_session(actor=replace(acting(bea), auth=auth), password=PASSWORD, session_key="browser")
    assert not ApprovalSession.objects.exists()


def test_no_service_account_and_no_job_starts_one(bot: User, acting: Acting) -> None:
    bot.set_password("bot-password-1")
    bot.save()
    for actor in (acting(bot), replace(acting(bot), kind=ActorKind.USER), system_actor("job")):
        with pytest.raises(Denied):
            start_approval_session(actor=actor, password="bot-password-1", session_key="browser")
    assert not ApprovalSession.objects.exists()


def refused(actor: Actor, password: str) -> str:
    with pytest.raises(Denied) as error:
        start_approval_session(actor=actor, password=password, session_key="browser")
    record_denial(actor=actor, error=error.value)
    return error.value.message


def test_wrong_passwords_are_recorded_and_bounded(bea: User, acting: Acting) -> None:
    for _ in range(MAX_FAILURES):
        assert "Wrong password" in refused(acting(bea), "wrong-password")
    assert "Too many" in refused(acting(bea), PASSWORD)
    assert not ApprovalSession.objects.exists()
    assert Event.objects.filter(outcome="denied").count() == MAX_FAILURES + 1
    with time_machine.travel(timezone.now() + timedelta(minutes=16), tick=False):
        assert start_approval_session(actor=acting(bea), password=PASSWORD, session_key="browser")


def test_without_a_browser_there_is_none(bea: User, acting: Acting) -> None:
    with pytest.raises(Denied):
        start_approval_session(actor=acting(bea), password=PASSWORD, session_key="")


@pytest.mark.parametrize("secret", ["csa_", "csa_\x00", "csa_" + "x" * 43, "cst_" + "x" * 43, "", "\ud800"])
def test_other_secrets_are_nobody(secret: str, start: Start) -> None:
    start()
    assert not works(secret)


def test_an_api_token_still_is_a_token(bea: User, acting: Acting) -> None:
    secret = issue_token(actor=acting(bea), user=bea, expires_in=timedelta(hours=1))[1]
    assert actor_from_secret(secret, request_id="").auth == "token"
