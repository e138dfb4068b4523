"""The commands of docs/operations.md that make accounts and tokens, as they are written there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from django.db import connection

from tests.config.backup.places import Place
from tests.documented_commands import documented_commands, run_documented

pytestmark = pytest.mark.process

NAMES = ("create_user", "issue_token", "hand_to_scim")


def test_accounts_and_tokens_of_the_page(tmp_path: Path, database_url: str) -> None:
    place = Place(tmp_path / "data", "" if connection.vendor == "sqlite" else database_url)
    place.data.mkdir(mode=0o700)
    if connection.vendor == "sqlite":
        shutil.copy(tmp_path / "custody.sqlite3", place.sqlite)
    for name in ("kim", "dora"):
        place.manage("create_user", name)
    lines = [line for line in documented_commands() if any(f"manage.py {name}" in line for name in NAMES)]
    assert len(lines) == 6

    said = {line: run_documented(line, place.environment, {"DIR": place.data}) for line in sorted(lines)}

    assert [text[:4] for line, text in said.items() if "issue_token" in line] == ["cst_"]
    members = (
        "SELECT u.username, g.name FROM accounts_user_groups m JOIN accounts_user u ON u.id = m.user_id"
        " JOIN auth_group g ON g.id = m.group_id ORDER BY u.username"
    )
    assert [tuple(row) for row in place.rows(members)] == [
        ("bea", "reviewers"),
        ("dana", "policy-editors"),
        ("erik", "policy-reviewers"),
    ]
    assert place.rows("SELECT external_id FROM accounts_provisionedaccount")[0][0] == "00u1a2b3c4d5"
