"""Installations to back up and to restore to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from tests.config.backup.places import Place, empty_database


@pytest.fixture
def old(tmp_path: Path, database_url: str) -> Place:
    """A migrated installation with its keys, with five runs and their artifacts, and with a signed checkpoint."""
    place = Place(tmp_path / "old", "" if connection.vendor == "sqlite" else database_url)
    place.data.mkdir(mode=0o700)
    if connection.vendor == "sqlite":
        shutil.copy(tmp_path / "custody.sqlite3", place.sqlite)
    place.write(5)
    place.manage("audit_sequencer", "--once")
    return place


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Place]:
    """An empty data directory and an empty database."""
    with empty_database() as url:
        yield Place(tmp_path / "new", url)
