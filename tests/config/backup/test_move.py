"""Rows move from SQLite to PostgreSQL: the same values, the same bytes of events, and sequences that go on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.config.backup.places import Place, target_of_a_move
from tests.config.backup.test_backup_restore import RUNS

pytestmark = pytest.mark.process

EVENTS = "SELECT id, body FROM audit_event ORDER BY id"
NAMES = "SELECT id, name FROM tracking_run ORDER BY id"
OFF = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'O'"


@pytest.fixture
def moved(old: Place) -> Iterator[Place]:
    """The installation of `old` on an empty PostgreSQL database."""
    with target_of_a_move() as url:
        yield Place(old.data, url)


def test_rows_move(old: Place, moved: Place) -> None:
    old.change("UPDATE sqlite_sequence SET seq = 4711 WHERE name = 'audit_event'")
    runs = old.rows(NAMES)
    old.manage("move_database", "--to", moved.database_url)
    assert moved.rows(EVENTS) == old.rows(EVENTS)
    assert sorted(moved.rows(NAMES)) == runs
    assert moved.rows(OFF) == [(0,)]
    moved.write(1)
    assert moved.rows("SELECT max(id) FROM audit_event")[0][0] > 4711
    assert "events signed" in moved.manage("audit_sequencer", "--once")
    assert moved.rows("SELECT problem FROM audit_log") == [("",)]


def test_an_event_cannot_be_changed_after_the_move(old: Place, moved: Place) -> None:
    old.manage("move_database", "--to", moved.database_url)
    with pytest.raises(Exception, match="append-only"):
        moved.change("DELETE FROM audit_event")


def test_a_value_that_postgresql_cannot_take_leaves_it_empty(old: Place, moved: Place) -> None:
    old.change("UPDATE tracking_run SET name = 'a' || char(0)")
    assert "cannot be moved" in old.refused("move_database", "--to", moved.database_url)
    assert moved.rows(RUNS) == []
    old.change("UPDATE tracking_run SET name = 'a'")
    old.manage("move_database", "--to", moved.database_url)
    assert len(moved.rows(RUNS)) == 5


def test_a_database_with_data_is_refused(old: Place, moved: Place) -> None:
    old.manage("move_database", "--to", moved.database_url)
    assert "is not empty" in old.refused("move_database", "--to", moved.database_url)
    assert "Name the PostgreSQL database" in old.refused("move_database")
    assert "is not on SQLite" in moved.refused("move_database", "--to", moved.database_url)
