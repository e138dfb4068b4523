"""The status: who may read it, and what the page and the API say."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from audit.models import Event, SiemState
from audit.queries import by_actor
from config.status import read
from config.status.areas import Area, Status, critical, warning
from config.status.page import readable
from core.errors import Denied
from tests.conftest import Acting


@pytest.fixture
def signed_in(client: Client, ops: User) -> Client:
    client.force_login(ops)
    return client


def test_only_superusers_read_it(client: Client, ada: User, acting: Acting) -> None:
    client.force_login(ada)
    assert client.get("/status/").status_code == 404
    answer = client.get("/api/v1/status")
    assert answer.status_code == 403
    assert b"disk" not in answer.content
    assert Event.objects.filter(by_actor("ada"), outcome="denied").count() == 1
    with pytest.raises(Denied):
        read.read_status(acting(ada))


def test_the_link_is_for_superusers(client: Client, ada: User, ops: User) -> None:
    for user, is_shown in ((ada, False), (ops, True)):
        client.force_login(user)
        assert ('href="/status/"' in client.get("/models/").content.decode()) == is_shown


def test_the_api_takes_no_parameters(signed_in: Client) -> None:
    assert signed_in.get("/api/v1/status?area=database").status_code == 400


def test_a_broker_that_is_away_is_the_first_problem(signed_in: Client, no_broker: None) -> None:
    status = signed_in.get("/api/v1/status").json()
    assert (status["state"], status["problems"][0]["severity"]) == ("critical", "critical")
    assert "broker" in {problem["text"].split()[1] for problem in status["problems"] if problem["area"] == "programs"}
    states = {area["name"]: area["state"] for area in status["areas"]}
    assert (states["programs"], states["database"], states["versions"]) == ("critical", "ok", "ok")
    severities = [problem["severity"] for problem in status["problems"]]
    assert severities == sorted(severities)


def test_the_page_says_the_same(signed_in: Client, no_broker: None) -> None:
    status = signed_in.get("/api/v1/status").json()
    page = signed_in.get("/status/").content.decode()
    assert "The broker does not answer" in page
    assert "Start Redis or Valkey" in page
    assert page.count("<tr>") >= len(status["problems"])


def test_programs_that_do_not_run_are_named(signed_in: Client, broker: str) -> None:
    status = signed_in.get("/api/v1/status").json()
    texts = " ".join(problem["text"] for problem in status["problems"])
    assert "No worker answers for the queue fast." in texts
    assert "No worker answers for the queue slow." in texts
    assert "The scheduler does not answer." in texts
    programs = next(area for area in status["areas"] if area["name"] == "programs")
    assert programs["facts"]["messages_waiting"] == {"fast": 0, "slow": 0}


def test_a_part_that_cannot_be_read_hides_no_other(
    signed_in: Client, no_broker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Area:
        raise DatabaseError("the table is locked")

    monkeypatch.setitem(read._AREAS, "work", away)
    status = signed_in.get("/api/v1/status").json()
    assert any("the table is locked" in problem["text"] for problem in status["problems"])
    assert {area["name"] for area in status["areas"]} == set(read._AREAS)
    assert signed_in.get("/status/").status_code == 200


def test_the_number_of_queries_is_fixed(ops: User, acting: Acting, no_broker: None) -> None:
    actor, counts = acting(ops), []
    for number in range(2):
        SiemState.objects.create(address=f"syslog://host-{number}", log=1, next_seq=0)
        with CaptureQueriesContext(connection) as queries:
            read.read_status(actor)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_worst_comes_first() -> None:
    mild, bad = warning("a", "b"), critical("c", "d")
    status = Status(at=None, areas=(Area("x", {}, (mild,)), Area("y", {}, (bad,)), Area("z", {})))  # type: ignore[arg-type]  # no time is needed
    assert [problem for _, problem in status.problems] == [bad, mild]
    assert (status.state, [area.state for area in status.areas]) == ("critical", ["warning", "critical", "ok"])


def test_facts_are_readable() -> None:
    facts = {"rows": [{"size_bytes": 2048, "age_seconds": 90, "name": "x", "kept_at": None, "is_on": True}]}
    assert readable("facts", facts) == {
        "rows": [{"size": "2.0 KiB", "age": "1 min", "name": "x", "kept": None, "is on": True}]
    }
    assert json.dumps(readable("x_seconds", 0.0123)) == '"12.3 ms"'
