"""A database server whose connections are reset, delayed or refused: what is asked next is answered, or an outage."""

from __future__ import annotations

import time
from collections.abc import Iterator
from copy import deepcopy

import pytest
from django.db import OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker

from core.outages import is_outage
from core.postgresql import base
from tests.faults.conftest import NewProxy
from tests.faults.proxy import FaultProxy

ALIAS = "faulty"


@pytest.fixture
def proxy(new_proxy: NewProxy) -> FaultProxy:
    """A proxy in front of the database server."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    return new_proxy(int(connection.settings_dict["PORT"] or 5432))


@pytest.fixture
def database(
    proxy: FaultProxy, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection through the proxy, with the pool and the limits of the product."""
    conf = deepcopy(connection.settings_dict)
    conf |= {"HOST": "127.0.0.1", "PORT": str(proxy.port), "CONN_HEALTH_CHECKS": True}
    conf["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 4, "timeout": 3, "reconnect_timeout": 1}
    connections.databases[ALIAS] = conf
    with django_db_blocker.unblock():
        yield connections[ALIAS]
        proxy.is_silent, proxy.resets = False, 0
        connections[ALIAS].close()
        connections[ALIAS].close_pool()  # type: ignore[attr-defined]  # PostgreSQL's only
    del connections[ALIAS]
    del connections.databases[ALIAS]


def one(database: BaseDatabaseWrapper) -> int:
    """Ask a question as a request does: on a connection of the pool, which goes back afterwards."""
    try:
        with database.cursor() as cursor:
            cursor.execute("SELECT 1")
            return int(cursor.fetchone()[0])
    finally:
        database.close()


def test_a_reset_of_idle_connections_is_not_noticed(
    database: BaseDatabaseWrapper, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were idle for longer than a second; a reset within it shows at once only where it has arrived."""
    monkeypatch.setattr(base, "_ASKED_SECONDS", 0.0)
    assert one(database) == 1
    proxy.reset_all()
    assert [one(database) for _ in range(8)] == [1] * 8


def test_a_reset_of_a_connection_in_use_is_an_outage_once(database: BaseDatabaseWrapper, proxy: FaultProxy) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT 1")
        proxy.reset_all()
        with pytest.raises(OperationalError) as broken:
            cursor.execute("SELECT 1")
    database.close()
    assert is_outage(broken.value)
    assert one(database) == 1


def test_a_server_that_refuses_is_an_outage_soon_and_used_again_soon(
    database: BaseDatabaseWrapper, proxy: FaultProxy
) -> None:
    assert one(database) == 1
    proxy.resets = 1_000_000
    proxy.reset_all()
    began = time.monotonic()
    with pytest.raises(OperationalError) as refused:
        one(database)
    assert is_outage(refused.value)
    assert time.monotonic() - began < 10
    proxy.resets = 0
    began = time.monotonic()
    while time.monotonic() - began < 10:
        try:
            assert one(database) == 1
            break
        except OperationalError:
            time.sleep(0.1)
    assert time.monotonic() - began < 5


def test_a_slow_server_is_waited_for(database: BaseDatabaseWrapper, proxy: FaultProxy) -> None:
    proxy.delay = 0.05
    assert one(database) == 1


def test_a_server_that_answers_no_connection_is_an_outage(database: BaseDatabaseWrapper, proxy: FaultProxy) -> None:
    proxy.is_silent = True
    began = time.monotonic()
    with pytest.raises(OperationalError) as silent:
        one(database)
    assert is_outage(silent.value)
    assert time.monotonic() - began < 10
