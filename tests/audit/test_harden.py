"""On PostgreSQL the role of the application cannot change events, and `check --deploy` says when it can."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from audit.actions import Action
from audit.identities.erasing import erase_names
from audit.models import Event
from audit.services import record
from audit.system_checks import check_role
from audit.texts.erasing import erase_texts
from audit.transparency.sequencer import Sequencer
from core.actors import system_actor

ROLE = "custody_app_of_tests"
ON_POSTGRESQL = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")


@pytest.fixture
def hardened(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the role. It goes with the transaction of the test."""
    monkeypatch.setenv("CUSTODY_ROLE_PASSWORD", "secret")
    record(actor=system_actor("test"), action=Action.TRACKING_RUN_CREATED, obj="run:1")
    call_command("audit_harden", "--role", ROLE)


@contextmanager
def as_application() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {ROLE}")
        yield
        cursor.execute("RESET ROLE")


@ON_POSTGRESQL
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_event SET action = 'x'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event CASCADE",
        "ALTER TABLE audit_event DISABLE TRIGGER USER",
        "DROP TRIGGER audit_event_append_only ON audit_event",
        "CREATE TRIGGER t BEFORE INSERT ON audit_event EXECUTE FUNCTION custody_append_only()",
        "UPDATE audit_leaf SET seq = 9",
        "DELETE FROM audit_leaf",
        "DELETE FROM audit_eventtext",
        "TRUNCATE audit_eventtext",
        "UPDATE audit_eventtext SET subject = 'x'",
        "UPDATE audit_identity SET commitment = 'x'",
        "DELETE FROM audit_identity",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_cannot_change_events(hardened: None, statement: str) -> None:
    with as_application():
        with pytest.raises(DatabaseError, match=r"permission denied|must be owner"), transaction.atomic():
            connection.cursor().execute(statement)
        assert Event.objects.get().action == Action.TRACKING_RUN_CREATED


@ON_POSTGRESQL
def test_the_application_works(hardened: None) -> None:
    with as_application():
        record(actor=system_actor("test"), action=Action.TRACKING_RUN_CREATED, obj="run:2")
        assert Sequencer().run_once() == 2
        record(
            actor=system_actor("test", on_behalf_of="ada"), action=Action.REGISTRY_MODEL_UPDATED, obj="m", reason="x"
        )
        assert (erase_texts("user:1", ["ada"]), erase_names("user:1", ["ada"])) == (1, 1)
        assert check_role(app_configs=None) == []
        call_command("audit_harden", "--check")


@ON_POSTGRESQL
def test_the_check_says_when_it_has_not_been_done(db: None) -> None:
    assert {message.id for message in check_role(app_configs=None)} == {"audit.W001"}
    with pytest.raises(CommandError, match="superuser"):
        call_command("audit_harden", "--check")


@pytest.mark.skipif(connection.vendor == "postgresql", reason="PostgreSQL has roles")
def test_sqlite_has_no_roles(db: None) -> None:
    assert check_role(app_configs=None) == []
    with pytest.raises(CommandError, match="Only PostgreSQL"):
        call_command("audit_harden", "--role", ROLE)


def test_a_role_has_to_be_named(db: None) -> None:
    with pytest.raises(CommandError, match="Name the role for the application with --role, or use --check"):
        call_command("audit_harden")
