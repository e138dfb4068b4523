"""Limits of requests: what is counted, what is answered beyond them, and what happens without a broker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
from django.test import Client, RequestFactory
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from audit.models import Event
from config.bodies.limits import with_limits
from config.limits import callers, rate
from core.metrics import RATE_LIMITED
from tests.config.status.conftest import broker, broker_url, no_broker
from tests.conftest import Acting

__all__ = ["broker", "broker_url", "no_broker"]

Call = Callable[..., tuple[int, dict[str, str], bytes]]


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "_accounts", {})
    monkeypatch.setattr(rate._Broker, "away_until", 0.0)


@pytest.fixture
def call(settings: Settings) -> Call:
    """Return a function that makes a request through the limits; the application behind them answers 200."""
    settings.TOKEN_RATE, settings.ACCOUNT_RATE = 3, 5

    def make(path: str = "/api/v1/models", secret: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
        told: list[Any] = []
        authorization = {"authorization": f"Bearer {secret}"} if secret else {}
        environ = RequestFactory().get(path, headers=authorization | headers).environ
        application: Any = with_limits(lambda _environ, start: (start("200 OK", []), [b""])[1])
        body = b"".join(application(environ, lambda *answer: told.append(answer)))
        return int(told[0][0][:3]), dict(told[0][1]), body

    return make


def token(user: User, acting: Acting) -> str:
    return issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))[1]


def test_a_token_has_its_own_limit(broker: str, call: Call, db: None) -> None:
    assert [call(secret="a")[0] for _ in range(4)] == [200, 200, 200, 429]
    assert call(secret="b")[0] == 200


def test_an_account_has_one_for_all_its_tokens(broker: str, call: Call, ada: User, bea: User, acting: Acting) -> None:
    first, second, other = token(ada, acting), token(ada, acting), token(bea, acting)
    assert [call(secret=secret)[0] for secret in [first] * 3 + [second] * 3] == [200] * 5 + [429]
    assert call(secret=other)[0] == 200


def test_a_session_counts_for_its_account(broker: str, call: Call, ada: User, client: Client, acting: Acting) -> None:
    client.force_login(ada)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    secret = token(ada, acting)
    statuses = [call("/models/", cookie=cookie)[0] for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert [call(secret=secret)[0] for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    ("path", "media_type", "field", "value"),
    [
        ("/api/v1/models", "application/problem+json", "type", "urn:custody:error:too_many_requests"),
        ("/api/2.0/mlflow/runs/get", "application/json", "error_code", "REQUEST_LIMIT_EXCEEDED"),
        ("/v1/traces", "application/json", "error_code", "REQUEST_LIMIT_EXCEEDED"),
    ],
)
def test_the_answer_is_in_the_format_of_the_interface(
    broker: str, call: Call, db: None, path: str, media_type: str, field: str, value: str
) -> None:
    before = Event.objects.count()
    for _ in range(3):
        call(path, "a")
    status, headers, body = call(path, "a")
    assert (status, headers["Content-Type"], json.loads(body)[field]) == (429, media_type, value)
    assert 1 <= int(headers["Retry-After"]) <= 20
    assert Event.objects.count() == before


def test_one_more_is_allowed_after_the_time_that_was_told(broker: str, db: None) -> None:
    limits = [rate.Limit("token", "a", 600)]
    allowed = 0
    while (excess := rate.excess_of(limits)) is None:
        allowed += 1
    assert allowed >= 600
    assert 0 < excess.seconds <= 0.1
    time.sleep(excess.seconds)
    assert rate.excess_of(limits) is None


def test_a_refused_request_counts_nowhere(broker: str) -> None:
    full, other = rate.Limit("account", "a", 1), rate.Limit("token", "b", 2)
    assert rate.excess_of([other, full]) is None
    excess = rate.excess_of([other, full])
    assert excess is not None
    assert excess.limit == full
    assert 55 < excess.seconds <= 60
    assert rate.excess_of([other]) is None
    assert rate.excess_of([other]) is not None


def test_requests_at_the_same_time_never_exceed_it(broker: str) -> None:
    allowed: list[bool] = []

    def ask() -> None:
        allowed.extend(rate.excess_of([rate.Limit("token", "a", 50)]) is None for _ in range(20))

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 50 <= sum(allowed) <= 60  # and what a minute gives back while they ask
    assert len(allowed) == 160


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/static/custody/custody.css"])
def test_probes_and_files_are_not_limited(broker: str, call: Call, path: str) -> None:
    assert {call(path, "a")[0] for _ in range(10)} == {200}


def test_who_presents_nothing_is_not_limited(broker: str, call: Call) -> None:
    assert {call()[0] for _ in range(10)} == {200}
    assert {call(cookie="other=1")[0] for _ in range(10)} == {200}


def test_without_a_broker_nobody_is_limited(
    no_broker: None, call: Call, db: None, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.limits.rate._PAUSE_SECONDS", 600.0)
    assert client.get("/healthz").json()["rate_limits"] == "ok"
    assert {call(secret="a")[0] for _ in range(10)} == {200}
    assert client.get("/healthz").json()["rate_limits"] == "away"


def test_what_is_refused_is_counted(broker: str, call: Call, db: None) -> None:
    counter = RATE_LIMITED.labels("token")
    before = counter._value.get()
    for _ in range(5):
        call(secret="a")
    assert counter._value.get() == before + 2


def test_without_limits_there_is_nothing_in_the_way(settings: Settings) -> None:
    def application(_environ: object, _start: object) -> list[bytes]:
        return []

    settings.TOKEN_RATE = settings.ACCOUNT_RATE = 0
    assert with_limits(application) is application
