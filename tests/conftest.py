"""The cast: ada writes models, bea reviews them, cy is an outsider, ops runs the server, bot is ada's service account."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.backends.base.operations import BaseDatabaseOperations
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from core.actors import Actor, ActorKind
from tests.s3_server import S3Server, TestBucket

Acting = Callable[[User], Actor]

# A busy machine is no failure: what is tested is what comes out, not how fast.
settings.register_profile("custody", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("custody")


@pytest.fixture(autouse=True, scope="session")
def _flush_past_the_triggers() -> Iterator[None]:
    """Let `transaction=True` tests clean up: Django flushes SQLite by DELETE, which the append-only triggers refuse.

    For the flush alone, and in its transaction, the triggers are taken off and put back as they were. (PostgreSQL is
    flushed by TRUNCATE, which row triggers do not see.)
    """
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_without_triggers(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        with transaction.atomic(), self.connection.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
            for name, _ in triggers:
                cursor.execute(f'DROP TRIGGER "{name}"')
            flush(self, sql_list)
            for _, sql in triggers:
                cursor.execute(sql)

    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "sqlite":
            patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_without_triggers)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Put back what the migrations wrote (groups, the default experiment) whenever a `transaction=True` test has flushed it.

    pytest-django runs such tests last, but a random order and several workers do not keep that.
    """
    flush = BaseDatabaseOperations.execute_sql_flush

    def flush_and_restore(self: BaseDatabaseOperations, sql_list: list[str]) -> None:
        flush(self, sql_list)
        self.connection.creation.deserialize_db_from_string(rows)

    with django_db_blocker.unblock():
        rows = connection.creation.serialize_db_to_string()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_and_restore)
        yield


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Hash the passwords of the cast cheaply: the real hash takes a quarter of a second each."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def ada(db: None) -> User:
    return User.objects.create_user("ada", password="ada-password-1")


@pytest.fixture
def bea(db: None) -> User:
    user = User.objects.create_user("bea", password="bea-password-1")
    user.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    return user


@pytest.fixture
def cy(db: None) -> User:
    return User.objects.create_user("cy", password="cy-password-12")


@pytest.fixture
def ops(db: None) -> User:
    return User.objects.create_superuser("ops", password="ops-password-1")


@pytest.fixture
def bot(ada: User) -> User:
    return User.objects.create_user("bot", is_service=True, owner=ada)


@pytest.fixture
def acting() -> Acting:
    """Return the Actor of a user, as a door would make it."""

    def as_actor(user: User) -> Actor:
        return Actor(
            kind=ActorKind.SERVICE if user.is_service else ActorKind.USER,
            name=user.username,
            user_id=user.pk,
            auth="test",
            is_superuser=user.is_superuser,
            request_id="test",
        )

    return as_actor


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A server that speaks S3, shared by the session."""
    server = S3Server(tmp_path_factory.mktemp("s3") / "moto.log")
    yield server
    server.stop()


@pytest.fixture
def bucket(s3_server: S3Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> TestBucket:
    """An empty bucket that artifacts go to."""
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    found = TestBucket(s3_server)
    settings.ARTIFACT_URL = f"s3://{found.name}/some/prefix"
    return found
