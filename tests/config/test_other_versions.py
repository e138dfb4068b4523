"""A database of another version, or none at all: every command says so in words and changes nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.config.test_data_directory import manage

pytestmark = pytest.mark.process

COMMANDS = [
    ["issue_token", "ada"],
    ["create_user", "dee"],
    ["erase_artifacts", "--as", "ops", "--reason", "Asked for."],
    ["erase_person", "ada", "--as", "ops", "--reason", "Asked for."],
    ["prune_artifacts"],
    ["publish_default_policies"],
    ["load_demo", "--url", "http://127.0.0.1:9"],
    ["import_mlflow", "http://127.0.0.1:9"],
    ["policy", "export", "production-default"],
]


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A data directory of a version that had more migrations of `approvals`."""
    with sqlite3.connect(tmp_path / "custody.sqlite3") as database:
        database.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)")
        database.executemany(
            "INSERT INTO django_migrations (app, name, applied) VALUES (?, ?, '2026-01-01')",
            [
                ("auth", "0001_initial"),
                ("approvals", "0001_initial"),
                ("approvals", "0002_triggers"),
                ("audit", "0002_x"),
            ],
        )
        database.execute("CREATE TABLE approvals_transitionrequest (id INTEGER PRIMARY KEY, name TEXT)")
    database.close()
    return tmp_path


def tables(data: Path) -> list[str]:
    with sqlite3.connect(data / "custody.sqlite3") as database:
        rows = database.execute("SELECT name FROM sqlite_master ORDER BY name").fetchall()
    database.close()
    return [name for (name,) in rows]


@pytest.mark.parametrize("command", [["up", "--port", "1"], ["migrate"], *COMMANDS], ids=lambda words: words[0])
def test_the_data_of_another_version_are_left_alone(older: Path, command: list[str]) -> None:
    before = tables(older)
    done = manage(older, *command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"CommandError: The data directory {older} was made by another version of Custody: its database has migrations that"
        " this version does not have (approvals.0002_triggers and 1 more). Nothing was changed. Start with another data"
        " directory (script/up --data DIR), or use the version that made it to export what you need.\n"
    )
    assert tables(older) == before
    assert not (older / "logs").exists()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_a_directory_without_a_database_is_named(tmp_path: Path, command: list[str]) -> None:
    done = manage(tmp_path, *command)
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"CommandError: The data directory {tmp_path} has no Custody database yet. Start it once"
    )
    assert list(tmp_path.iterdir()) == [], "a command that only asks makes no database"


def test_a_database_that_lacks_migrations_is_named(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "custody.sqlite3") as database:
        database.execute("CREATE TABLE django_migrations (id INTEGER PRIMARY KEY, app TEXT, name TEXT, applied TEXT)")
        database.execute("INSERT INTO django_migrations (app, name) VALUES ('audit', '0001_initial')")
    database.close()
    done = manage(tmp_path, "issue_token", "ada")
    assert done.returncode == 1
    assert "migrations of this version. Start it with script/up, or run manage.py migrate." in done.stderr


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "custody.sqlite3").write_bytes(b"no database " * 1000)
    for command in (["issue_token", "ada"], ["up", "--port", "1"]):
        done = manage(tmp_path, *command)
        assert (done.returncode, done.stderr.strip()) == (
            1,
            f"CommandError: The data directory {tmp_path} cannot be used: file is not a database",
        )


@pytest.mark.parametrize("part", [["schema"], ["default", "production-default"]])
def test_what_needs_no_database_works_without_one(tmp_path: Path, part: list[str]) -> None:
    assert manage(tmp_path, "policy", *part).returncode == 0
    assert list(tmp_path.iterdir()) == []
