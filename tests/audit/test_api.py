"""/api/v1/audit as an auditor's script sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from accounts.services import issue_token
from audit.actions import Action
from audit.models import Event
from audit.services import record
from audit.transparency.sequencer import Sequencer
from core.actors import Scope, system_actor
from tests.conftest import Acting

EVENTS, EXPORT = "/api/v1/audit/events", "/api/v1/audit/export"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_events_of_a_model(log: None, ada: User) -> None:
    Sequencer().run_once()
    answer = signed_in(ada).get(EVENTS, {"model": "clf"}).json()
    assert [event["gen"] for event in answer["events"]] == [3, 2, 1]
    assert answer["events"][2]["sentence"].startswith("ada created model clf")
    assert [event["seq"] for event in answer["events"]] == [4, 2, 0]
    assert all(len(event["leaf_hash"]) == 64 for event in answer["events"])
    assert answer["stream"] == {"key": "model:1", "gen": 3}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite numbers in the writer's transaction")
def test_an_event_that_waits_for_its_number_is_shown(log: None, ada: User) -> None:
    event = signed_in(ada).get(EVENTS, {"model": "clf"}).json()["events"][0]
    assert (event["seq"], event["gen"], event["leaf_hash"]) == (None, None, None)


def test_pages(log: None, ada: User) -> None:
    Sequencer().run_once()
    first = signed_in(ada).get(EVENTS, {"model": "clf", "limit": "2"}).json()
    rest = signed_in(ada).get(EVENTS, {"model": "clf", "limit": "2", "cursor": first["next_cursor"]}).json()
    assert [event["gen"] for event in first["events"] + rest["events"]] == [3, 2, 1]
    assert rest["next_cursor"] == ""


def test_denials_can_be_found(log: None, ops: User) -> None:
    answer = signed_in(ops).get(EVENTS, {"outcome": "denied"}).json()
    assert [event["action"] for event in answer["events"]] == ["registry.model.deleted"]


@pytest.mark.parametrize("query", [{}, {"stream": "model:1"}, {"actor": "ada"}])
def test_everything_is_for_auditors(log: None, ada: User, query: dict[str, str]) -> None:
    assert signed_in(ada).get(EVENTS, query).status_code == 403
    assert Event.objects.filter(outcome="denied", object_ref="audit:log").exists()


@pytest.mark.parametrize(
    "query",
    [
        {"model": "clf", "limit": "0"},
        {"model": "clf", "limit": "x"},
        {"model": "clf", "since": "yesterday"},
        {"model": "clf", "action": "no.such"},
        {"model": "clf", "outcome": "maybe"},
        {"model": "clf", "cursor": "abc"},
        {"model": "a\x00b"},
        {"model": "clf", "sinec": "2026-01-01"},
    ],
)
def test_bad_questions(log: None, ada: User, query: dict[str, str]) -> None:
    response = signed_in(ada).get(EVENTS, query)
    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"


def test_more_events_cost_no_more_queries(
    log: None, ada: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = signed_in(ada)
    with django_assert_num_queries(8) as few:  # session, user, page, its texts; log and leaves; log and length
        client.get(EVENTS, {"model": "clf"})
    for _ in range(20):
        record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, obj="model:clf", stream="model:1", reason="x")
    with django_assert_num_queries(len(few)):
        client.get(EVENTS, {"model": "clf"})


@pytest.mark.parametrize(
    ("who", "query", "status"), [("ada", {}, 403), ("ada", {"model": "x"}, 404), ("cy", {"model": "clf"}, 404)]
)
def test_refused_exports(log: None, cy: User, who: str, query: dict[str, str], status: int) -> None:
    response = signed_in(User.objects.get(username=who)).get(EXPORT, query)
    assert response.status_code == status
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED, outcome="ok").exists()


@pytest.mark.parametrize(
    ("path", "scope", "status"),
    [
        (EVENTS, Scope.AUDIT_EXPORT, 200),
        (EVENTS, Scope.REGISTRY_READ, 403),
        (EXPORT, Scope.AUDIT_EXPORT, 503),  # no worker is running
        (EXPORT, Scope.REGISTRY_READ, 403),
    ],
)
def test_a_token_needs_the_scope(log: None, ada: User, no_wait: None, path: str, scope: Scope, status: int) -> None:
    _, secret = issue_token(actor=system_actor("test"), user=ada, scopes=[scope], expires_in=timedelta(hours=1))
    response: Any = Client().get(path, {"model": "clf"}, headers={"authorization": f"Bearer {secret}"})
    assert response.status_code == status
    response.close()


@pytest.mark.parametrize("query", [{"actr": "ada"}, {"outcome": "maybe"}, {"version": "1"}, {"since": "yesterday"}])
def test_an_export_with_a_bad_filter_is_refused(log: None, ops: User, query: dict[str, str]) -> None:
    assert signed_in(ops).get(EXPORT, query).status_code == 400
    assert not Event.objects.filter(action=Action.AUDIT_EXPORTED).exists()


def test_strangers_get_nothing(log: None) -> None:
    assert Client().get(EXPORT).status_code == 401
