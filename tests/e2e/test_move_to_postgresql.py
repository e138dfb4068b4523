"""An installation that moves from SQLite to PostgreSQL goes on: it serves, promotes, and extends its audit log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import requests

from audit.verifier.audit_verify import parse_vkey, verify
from demo.client import MLFLOW, REST, Client
from tests.config.backup.places import Place, target_of_a_move
from tests.e2e.governed_model import ask_for_production, train_and_register
from tests.e2e.installation import Installation

pytestmark = pytest.mark.e2e

UNGOVERNED = {"CUSTODY_DEFAULT_POLICIES": "off"}
EVENTS = "SELECT id, body FROM audit_event ORDER BY id"


@pytest.fixture
def target() -> Iterator[str]:
    """The URL of an empty database on this machine's PostgreSQL."""
    with target_of_a_move() as url:
        yield url


def checkpoint(data: Path) -> bytes:
    (path,) = (data / "audit-log" / "logs").glob("*/checkpoint")
    return path.read_bytes()


def production(client: Client) -> int:
    return int(client.get(f"{REST}models/moved/production")["version"])


def test_an_installation_moves(tmp_path: Path, migrated: Path | None, target: str) -> None:
    data = tmp_path / "data"
    with Installation(data, environment=UNGOVERNED, migrated=migrated) as before:
        before.person("kim", superuser=True)
        token = before.token("kim")
        client = Client(before.url, token=token)
        ask_for_production(client, "moved", train_and_register(client, "moved", auc=0.9))
        assert production(client) == 1
        refused = Place(data).refused("move_database", "--to", target)
        assert "is in use by `up`" in refused
    with closing(sqlite3.connect(data / "custody.sqlite3")) as database:
        events = database.execute(EVENTS).fetchall()
    kept = checkpoint(data)
    assert "are moved and compared" in Place(data).manage("move_database", "--to", target)
    assert "is not empty" in Place(data).refused("move_database", "--to", target)
    with psycopg.connect(target) as moved:
        assert moved.execute(EVENTS.encode()).fetchall() == events
    with Installation(data, environment=UNGOVERNED | {"DATABASE_URL": target}) as after:
        client = Client(after.url, token=token)
        assert production(client) == 1
        ask_for_production(client, "moved", train_and_register(client, "moved", auc=0.95))
        assert production(client) == 2
        assert client.get(f"{MLFLOW}registered-models/get?name=moved")["registered_model"]["name"] == "moved"
        after.manage("audit_export", str(tmp_path / "log.zip"))
        vkeys = requests.get(f"{after.url}/audit/vkey", headers={"Authorization": f"Bearer {token}"}, timeout=60).text
    report = verify(tmp_path / "log.zip", [parse_vkey(line) for line in vkeys.splitlines()], [kept], full=True)
    assert report.errors == []
    assert report.facts["checkpoints_compared"] == 1
