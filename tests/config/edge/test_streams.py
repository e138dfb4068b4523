"""Server-sent events at the real program: what is there now, then what changes; and at the web server, without it."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from config.edge import server
from config.edge.connections import Connection, Edge
from core.actors import Actor
from registry.production.states import read_states
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.services.versions import create_version
from registry.stages import Stage
from tests.config.edge.conftest import RunningEdge
from tests.conftest import Acting
from tests.signed_in import actor_of

URL = "/api/v1/production/events?models=fraud,churn"
process = pytest.mark.process


class Stream:
    """The events of a stream, one by one."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self.response = connection.getresponse()
        self._lines = iter(self.response.readline, b"")

    def next(self) -> dict[str, Any]:
        """Return the fields of the next event; `data` is read as JSON. Comments are left out."""
        fields: dict[str, Any] = {}
        for raw in self._lines:
            line = raw.decode().rstrip("\n")
            if not line and fields:
                return fields | ({"data": json.loads(fields["data"])} if "data" in fields else {})
            name, _, value = line.partition(": ")
            if name and not line.startswith(":"):
                fields[name] = value
        return {"event": "closed"}


def opened(edge: RunningEdge, secret: str, url: str = URL, **headers: str) -> Stream:
    stream = Stream(edge.ask(url, secret, **headers))
    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"] == "text/event-stream"
    return stream


@pytest.fixture
def secret(edge: RunningEdge) -> str:
    return str(edge.do("token", name="ada")["secret"])


@process
def test_the_present_states_and_then_the_changes(edge: RunningEdge, secret: str) -> None:
    stream = opened(edge, secret)
    first, second = stream.next(), stream.next()
    assert [event["data"]["name"] for event in (first, second)] == ["fraud", "churn"]
    assert "id" not in first
    for _ in range(3):
        promoted = edge.do("promote", name="churn")
        event = stream.next()
        read = edge.do("read", name="churn")
        assert time.monotonic() - promoted["at"] < 2.0
        assert (event["event"], event["data"]["etag"]) == ("production", read["etag"])
        assert event["data"]["production"] == json.loads(read["body"])
    edge.do("archive", name="fraud")
    assert stream.next()["data"] == {"name": "fraud", "etag": None, "production": None}


@process
def test_a_client_that_comes_back_gets_what_it_missed_and_nothing_else(edge: RunningEdge, secret: str) -> None:
    stream = opened(edge, secret)
    last = [stream.next(), stream.next()][-1]["id"]
    again = opened(edge, secret, Last_Event_ID=last)
    edge.until(lambda health: health["streams"] == 2)
    edge.do("promote", name="fraud")
    event = again.next()
    assert (event["data"]["name"], event["data"]["production"]["version"]) == ("fraud", 2)
    late = opened(edge, secret, Last_Event_ID=last)
    assert [late.next()["data"]["name"], late.next()["data"]["name"]] == ["fraud", "churn"]


@process
def test_hidden_models_are_null_until_they_are_granted(edge: RunningEdge) -> None:
    token = edge.do("token", name="cy")
    url = "/api/v1/production/events?models=fraud,never"
    stream = opened(edge, token["secret"], url)
    assert [stream.next()["data"], stream.next()["data"]] == [
        {"name": name, "etag": None, "production": None} for name in ("fraud", "never")
    ]
    edge.do("grant", name="cy", model="fraud")
    assert stream.next()["data"]["production"]["version"] == 1
    edge.do("ungrant", name="cy", model="fraud")
    assert stream.next()["data"] == {"name": "fraud", "etag": None, "production": None}
    edge.do("revoke", token_id=token["id"])
    assert stream.next()["event"] == "end"
    assert stream.next()["event"] == "closed"


@process
def test_a_stop_tells_when_to_come_back(edge: RunningEdge, secret: str) -> None:
    streams = [opened(edge, secret) for _ in range(3)]
    for stream in streams:
        stream.next()
        stream.next()
    edge.until(lambda health: health["streams"] == 3)
    assert edge.stop(signal.SIGTERM) == 0
    for stream in streams:
        assert 1000 <= int(stream.next()["retry"]) <= 5000
        assert stream.next()["event"] == "closed"


def test_a_client_that_never_reads_is_cut_off() -> None:
    async def sent_until_cut_off() -> int:
        edge = Edge(10)
        listener = await asyncio.get_running_loop().create_server(lambda: Connection(edge), "127.0.0.1", 0)
        with socket.create_connection(listener.sockets[0].getsockname()):
            while not edge.connections:
                await asyncio.sleep(0.01)
            (stream,) = edge.connections
            sent = 0
            while edge.connections and sent < 100_000_000:
                stream.send(b":" * 65_536, is_last=False)
                sent += 65_536
                await asyncio.sleep(0)
        listener.close()
        edge.hub.close()
        return sent

    assert asyncio.run(sent_until_cut_off()) < 20_000_000


def test_a_comment_comes_more_often_than_proxies_give_up() -> None:
    assert server._COMMENT_SECONDS < 30


@pytest.fixture
def by_ada(ada: User, settings: Settings) -> Actor:
    settings.TRANSITION_GATES = []
    settings.ALLOWED_SOURCES = ["s3://test/"]
    return actor_of(ada)


def promote(actor: Actor, name: str) -> None:
    version = create_version(actor=actor, name=name, source="s3://test/model")
    change_stage(actor=actor, version=version, target=Stage.PRODUCTION, archive_existing=True, reason="")


def test_the_web_server_answers_what_is_there_and_ends(client: Client, cy: User, by_ada: Actor, acting: Acting) -> None:
    create_model(actor=by_ada, name="fraud")
    promote(by_ada, "fraud")
    client.force_login(cy)
    answer = client.get(URL, headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/event-stream")
    lines = answer.content.decode().splitlines()
    assert lines[0] == "retry: 5000"
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [(event["name"], event["etag"]) for event in events] == [
        ("fraud", read_states(["fraud"])["fraud"].etag),
        ("churn", None),
    ]
    (last,) = [line.removeprefix("id: ") for line in lines if line.startswith("id: ")]
    assert client.get(URL, headers={"last-event-id": last}).content == b"retry: 5000\n\n"
    promote(by_ada, "fraud")
    assert b'"version":2' in client.get(URL, headers={"last-event-id": last}).content


def test_the_web_server_does_not_wait_and_says_when_to_ask_again(client: Client, cy: User, by_ada: Actor) -> None:
    create_model(actor=by_ada, name="fraud")
    promote(by_ada, "fraud")
    client.force_login(cy)
    url = "/api/v1/models/fraud/production"
    etag = client.get(url)["ETag"]
    assert client.get(url, {"wait": "30"}).status_code == 200
    waited = client.get(url, {"wait": "30", "etag": etag})
    assert (waited.status_code, waited["Retry-After"]) == (304, "5")
    assert "Retry-After" not in client.get(url, {"etag": etag.strip('"')}).headers
    assert client.get(url, {"wait": "61"}).status_code == 400
    assert client.get(url, {"wait": "1", "at": "2026-01-01T00:00:00Z"}).status_code == 400


def rows(names: list[str]) -> Iterator[str]:
    yield from read_states(names)


def test_states_of_more_models_cost_no_more_queries(by_ada: Actor, django_assert_num_queries: Any) -> None:
    for name in ("fraud", "churn", "empty"):
        create_model(actor=by_ada, name=name)
    promote(by_ada, "fraud")
    with django_assert_num_queries(2):
        read_states(["fraud"])
    with django_assert_num_queries(2):
        assert set(rows(["fraud", "churn", "empty", "never"])) == {"fraud", "churn", "empty"}
