"""/healthz without a broker, without a database, and from anywhere."""

import pytest
from django.db import DatabaseError
from django.test import Client

from config import health


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health._Broker, "asked_at", float("-inf"))


class Away:
    """A database that does not answer."""

    def cursor(self) -> None:
        raise DatabaseError


def test_a_broker_that_is_away_does_not_take_the_server_down(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_ask_broker", lambda: ("down", "unknown", "unknown"))
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok",
        "database": "ok",
        "broker": "down",
        "workers": "unknown",
        "scheduler": "unknown",
        "edge": "off",
        "rate_limits": "off",
        "outbox_seconds": 0,
        "audit_log": "silent",
    }


def test_a_database_that_is_away_does(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_ask_broker", lambda: ("ok", "ok", "ok"))
    monkeypatch.setattr(health, "connection", Away())
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, "down")


def test_the_broker_is_asked_once_in_a_while(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def ask() -> tuple[str, str, str]:
        asked.append(1)
        return "ok", "ok", "ok"

    monkeypatch.setattr(health, "_ask_broker", ask)
    for _ in range(5):
        client.get("/healthz")
    assert len(asked) == 1


def test_a_probe_may_name_any_host_and_nobody_else_may(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_ask_broker", lambda: ("ok", "ok", "ok"))
    assert client.get("/healthz", headers={"host": "10.1.2.3"}).status_code == 200
    assert client.get("/admin/", headers={"host": "10.1.2.3"}).status_code == 400


def test_only_reading_is_allowed(client: Client, db: None) -> None:
    assert client.post("/healthz").status_code == 405
