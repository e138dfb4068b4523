"""A full disk: writes are an outage, nothing is left behind, reads go on, and all works again when there is room."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest
from django.db import OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from pytest_django import DjangoDbBlocker, Settings

from config.backup.last import last_backup, note_backup
from core.outages import is_outage
from tracking.store import FileStore

MEGABYTE = 1 << 20


def fill(folder: Path) -> Path:
    """Fill the disk and return the file that does."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return path


def test_the_store_refuses_and_keeps_what_it_has(small_disk: Path) -> None:
    store = FileStore(small_disk)
    blob = store.put(io.BytesIO(b"before"), limit=MEGABYTE)
    filler = fill(small_disk)
    with pytest.raises(OSError, match="No space") as refused:
        store.put(io.BytesIO(b"y" * 100_000), limit=MEGABYTE)
    assert is_outage(refused.value)
    with store.open(blob.sha256) as file:
        assert file.read() == b"before"
    filler.unlink()
    assert list((small_disk / "incoming").iterdir()) == []
    assert store.has(store.put(io.BytesIO(b"y" * 100_000), limit=MEGABYTE))


@pytest.fixture
def database(small_disk: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """Yield a connection to a SQLite database on the small disk, with the settings of the product."""
    if connection.vendor != "sqlite":
        pytest.skip("a server has a disk of its own")
    conf = deepcopy(connection.settings_dict)
    conf["NAME"] = str(small_disk / "full.sqlite3")
    connections.databases["full"] = conf
    with django_db_blocker.unblock():
        with connections["full"].cursor() as cursor:
            cursor.execute("CREATE TABLE note (text TEXT)")
        yield connections["full"]
        connections["full"].close()
    del connections["full"]
    del connections.databases["full"]


def test_the_database_reads_on_and_writes_again_when_there_is_room(
    database: BaseDatabaseWrapper, small_disk: Path
) -> None:
    def write(text: str) -> None:
        with transaction.atomic(using="full"), database.cursor() as cursor:
            cursor.execute("INSERT INTO note VALUES (%s)", [text])

    write("before")
    filler = fill(small_disk)
    with pytest.raises(OperationalError) as refused:
        write("y" * 100_000)
    assert is_outage(refused.value)
    with database.cursor() as cursor:
        cursor.execute("SELECT text FROM note")
        assert cursor.fetchall() == [("before",)]
    filler.unlink()
    write("after")
    with sqlite3.connect(str(small_disk / "full.sqlite3")) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert other.execute("SELECT text FROM note").fetchall() == [("before",), ("after",)]


def test_a_note_of_a_backup_is_replaced_whole_or_not_at_all(small_disk: Path, settings: Settings) -> None:
    settings.DATA_DIR = small_disk
    note_backup(small_disk / "first")
    fill(small_disk)
    with pytest.raises(OSError, match="No space"):
        note_backup(small_disk / "second")
    backup = last_backup()
    assert backup is not None
    assert backup.folder.endswith("first")
