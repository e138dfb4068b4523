"""The limits of tokens and accounts hold in the program edge, together with the requests to web servers."""

from __future__ import annotations

import json

import pytest
from pytest_django import Settings

from accounts.authentication import token_digest
from audit.broker import broker_client
from config.limits import rate
from config.limits.rate import Limit, excess_of
from tests.config.edge.conftest import RunningEdge

PATH = "/api/v1/models/fraud/production"
EVENTS = "/api/v1/production/events?models=fraud"


@pytest.fixture
def limited(world: RunningEdge, broker: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> RunningEdge:
    """The program, in which a token asks three times a minute, and an account five times."""
    settings.REDIS_URL = broker
    monkeypatch.setattr(rate._Broker, "away_until", 0.0)
    broker_client(broker, 5).flushdb()  # the accounts of another test may have had the same ids a moment ago
    world.do("seed", names=["fraud"])
    return world.start(REDIS_URL=broker, CUSTODY_TOKEN_RATE="3", CUSTODY_ACCOUNT_RATE="5")


def status(edge: RunningEdge, path: str, secret: str) -> int:
    client = edge.ask(path, secret)
    answer = client.getresponse()  # of a stream, its head
    client.close()
    return answer.status


def test_a_token_beyond_its_limit_is_told_when_to_come_again(limited: RunningEdge) -> None:
    secret = limited.do("token", name="ada")["secret"]

    assert [status(limited, PATH, secret) for _ in range(3)] == [200] * 3
    answer, body = limited.get(PATH, secret)

    assert answer.status == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "3 requests a minute of one token" in json.loads(body)["detail"]


def test_streams_and_polls_count_alike_and_refused_ones_do_not_wait(limited: RunningEdge) -> None:
    secret = limited.do("token", name="ada")["secret"]
    etag = limited.get(PATH, secret)[0].headers["ETag"]
    waiting = limited.ask(f"{PATH}?wait=30", secret, If_None_Match=etag)
    assert status(limited, EVENTS, secret) == 200

    assert status(limited, EVENTS, secret) == 429
    assert status(limited, f"{PATH}?wait=30", secret) == 429
    limited.until(lambda health: health["polls"] == 1 and health["streams"] == 0)

    limited.do("promote", name="fraud")
    assert waiting.getresponse().status == 200  # what waits already is answered


def test_all_tokens_of_an_account_count_together_and_those_of_others_do_not(limited: RunningEdge) -> None:
    secrets = [limited.do("token", name="ada")["secret"] for _ in range(3)]

    answers = [status(limited, PATH, secrets[number % 3]) for number in range(6)]

    assert answers == [200] * 5 + [429]
    limited.do("grant", name="cy", model="fraud")
    assert status(limited, PATH, limited.do("token", name="cy")["secret"]) == 200


def test_requests_to_web_servers_count_too(limited: RunningEdge) -> None:
    secret = limited.do("token", name="ada")["secret"]
    for _ in range(2):
        assert excess_of([Limit("token", token_digest(secret), 3)]) is None  # as a web server counts them

    assert status(limited, PATH, secret) == 200
    assert status(limited, PATH, secret) == 429


def test_denials_beyond_the_limit_are_not_recorded(limited: RunningEdge) -> None:
    secret = limited.do("token", name="ada", scopes=["audit:export"])["secret"]

    assert [status(limited, PATH, secret) for _ in range(5)] == [403] * 3 + [429] * 2
    assert limited.do("denials")["count"] == 3


def test_a_broker_that_is_away_limits_nobody(world: RunningEdge) -> None:
    world.do("seed", names=["fraud"])
    world.start(CUSTODY_TOKEN_RATE="1")
    secret = world.do("token", name="ada")["secret"]

    assert [status(world, PATH, secret) for _ in range(3)] == [200] * 3
