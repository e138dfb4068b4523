"""The cast: ada writes models, bea reviews them, cy is an outsider, ops runs the server,
bot is ada's service account.
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

import pytest
from celery.app.task import Task
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.core.management.base import BaseCommand
from django.core.management.commands import flush
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.operations import BaseDatabaseOperations
from django.db.backends.signals import connection_created
from django.test.client import Client, ClientHandler
from django.test.utils import override_settings, setup_databases, teardown_databases
from hypothesis import HealthCheck, settings
from pytest_django import DjangoDbBlocker, Settings
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.models import User
from audit.identities.commitments import forget_cached
from config.start import prepare_start
from core.actors import Actor
from tests import recorded_writes
from tests.database_copies import Template, drop, name_of_test_database, take_run_number, use
from tests.database_flush import Rows, flush_to, written_by_migrations
from tests.declared_bodies import hold_to_document
from tests.recorded_fixtures import restore_recorded
from tests.recorded_rows import RecordedRows
from tests.s3_server import S3Server, TestBucket
from tests.signed_in import actor_of

Acting = Callable[[User], Actor]
# The name of this process among the workers of a test run; empty when there are none.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_RUN_LOCK = pytest.StashKey[TextIO]()

# A busy machine is no failure: what is tested is what comes out, not how fast.
settings.register_profile("custody", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("custody"), max_examples=2000)  # --hypothesis-profile=long
settings.load_profile("custody")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that `script/test` gives."""
    parser.addoption("--two-of-each", action="store_true", help="run a test with parameters with two sets of them")
    parser.addoption(
        "--without-database",
        action="store_true",
        help="leave out the tests that touch a database or start processes of the product",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Number this run; its workers inherit the number."""
    if not WORKER:
        config.stash[_RUN_LOCK] = take_run_number()


@pytest.hookimpl(trylast=True)  # after the order was made random
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start what waits for processes first, so that it does not run alone at the end.

    On PostgreSQL leave out what touches no database: it runs on SQLite, and nothing in it can differ.
    """
    items.sort(key=lambda item: item.get_closest_marker("queue") is None)
    if connection.vendor == "postgresql":
        _keep(config, items, {item for item in items if touches_database(item)})
    if config.getoption("--without-database"):
        alone = (item for item in items if not (touches_database(item) or item.get_closest_marker("process")))
        _keep(config, items, set(alone))
    if config.getoption("--two-of-each"):
        _keep(config, items, set(two_of_each(items)))


def _keep(config: pytest.Config, items: list[pytest.Item], kept: set[pytest.Item]) -> None:
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]


def two_of_each(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the first two items of each test function: those without parameters, and two sets of parameters of the
    others.
    """
    seen: Counter[str] = Counter()
    for item in items:
        function = item.nodeid.partition("[")[0]
        seen[function] += 1
        if seen[function] <= 2:
            yield item


def touches_database(item: pytest.Item) -> bool:
    """Return whether a test asks for a database, directly or through a fixture, or drives processes that have one."""
    fixtures: dict[str, Any] = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - of functions, not of every item
    opens_one = any(
        "django_db_blocker" in fixture.argnames
        for fixture in itertools.chain.from_iterable(fixtures.values())
        if fixture.func.__module__.startswith("tests.")
    )
    asks = fixtures.keys() & {"db", "transactional_db", "live_server"}
    marked = any(item.get_closest_marker(name) for name in ("django_db", "e2e", "queue"))
    return opens_one or marked or bool(asks)


@connection_created.connect
def _reverse_unordered(connection: BaseDatabaseWrapper, **_given: object) -> None:
    """Let SQLite answer in reverse where a query asks for no order, as PostgreSQL sometimes does."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA reverse_unordered_selects = ON")


@pytest.fixture(autouse=True, scope="session")
def _data_directory() -> None:
    """Make in the data directory of the tests what every start makes."""
    prepare_start()


@pytest.fixture(autouse=True)
def _own_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a folder of its own for the state of the audit log: its database is its own, too.

    It is made on demand. The names that the process has cached were those of another database.
    """
    forget_cached()
    monkeypatch.setattr(
        django_settings, "LOG_STATE", str(django_settings.DATA_DIR / "logs-of-tests" / uuid.uuid4().hex)
    )


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The migrated database that test databases are copied from. Tests that start processes use `database_url`."""
    folder = tmp_path_factory.getbasetemp()
    return Template(folder=folder.parent if WORKER else folder, name=name_of_test_database("template"))


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_blocker: DjangoDbBlocker,
    template: Template,
) -> Iterator[dict[str, Rows]]:
    """Make this worker's test database: the first worker migrates, the others copy. In place of pytest-django's own.

    Its value is the rows that the migrations wrote.
    """
    with django_db_blocker.unblock(), template.locked():
        if connection.vendor == "postgresql":
            connection.settings_dict["TEST"]["NAME"] = name_of_test_database(WORKER)
        if not template.is_made:
            template.take_kept()
        copying = use(template) if template.is_made else {}
        databases = setup_databases(verbosity=0, interactive=False, serialized_aliases=set(), **copying)
        if not template.is_made:
            template.make()
            template.keep()
        template.join(WORKER or "alone")
        migrated = written_by_migrations()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseDatabaseOperations, "execute_sql_flush", flush_to(migrated))
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_arguments: None)  # it would make rows that are kept
        yield migrated
    with django_db_blocker.unblock():
        teardown_databases(databases, verbosity=0)
        with template.locked():
            template.leave(WORKER or "alone")


@pytest.fixture(scope="session")
def recorded(django_db_setup: dict[str, Rows], tmp_path_factory: pytest.TempPathFactory) -> RecordedRows:
    """What slow fixtures wrote, to be written again for the next test."""
    return RecordedRows(django_db_setup, tmp_path_factory.mktemp("recorded"))


@pytest.fixture(autouse=True)
def _recorded_first(_own_log: None, request: pytest.FixtureRequest) -> None:
    """Restore what recorded fixtures wrote before the other fixtures of a test write their rows."""
    restore_recorded(request)


@pytest.fixture
def database_url(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, template: Template, tmp_path: Path
) -> Iterator[str]:
    """The URL of a migrated, empty database of the test's own, for processes that it starts."""
    with django_db_blocker.unblock():
        url = template.copy(tmp_path)
    yield url
    with django_db_blocker.unblock():
        drop(url)


@pytest.fixture(autouse=True, scope="session")
def _quick_passwords() -> Iterator[None]:
    """Hash passwords cheaply: the real hash takes a quarter of a second each."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True, scope="session")
def _static_files_listed_once() -> Iterator[None]:
    """List the static files once, as a server does when it starts. Each test client makes the middleware anew."""
    files: dict[str, object] = {}
    list_files = WhiteNoiseMiddleware.add_files_from_finders

    def add_files(middleware: WhiteNoiseMiddleware) -> None:
        if not files:
            list_files(middleware)
            files.update(middleware.files)
        middleware.files.update(files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", add_files)
        yield


@pytest.fixture(autouse=True, scope="session")
def _answers_as_declared() -> Iterator[None]:
    """Hold every JSON answer of /api/v1 that a test receives against the OpenAPI document."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "request", hold_to_document(Client.request))
        yield


@pytest.fixture(autouse=True, scope="session")
def _open_to_everybody() -> Iterator[None]:
    """Let the cast work on each other's models and runs; tests of permissions say what everybody may do in them."""
    with override_settings(
        DEFAULT_MODEL_LEVEL="manage_production",
        DEFAULT_EXPERIMENT_LEVEL="manage",
        ARTIFACT_CLAIMS=["traces.permissions.claims_on", "tests.open_folders.claims_on"],
        RUN_HOLDERS=["tests.open_folders.Holders"],
    ):
        yield


def person(name: str, **fields: Any) -> User:
    """Return the account of that name. It exists already where recorded rows were restored first."""
    return User.objects.filter(username=name).first() or User.objects.create_user(name, **fields)


@pytest.fixture
def ada(db: None) -> User:
    return person("ada", password="ada-password-1")


@pytest.fixture
def bea(db: None) -> User:
    user = person("bea", password="bea-password-1")
    user.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    return user


@pytest.fixture
def cy(db: None) -> User:
    return person("cy", password="cy-password-12")


@pytest.fixture
def ops(db: None) -> User:
    return person("ops", password="ops-password-1", is_staff=True, is_superuser=True)


@pytest.fixture
def bot(ada: User) -> User:
    return person("bot", is_service=True, owner=ada)


@pytest.fixture
def acting() -> Acting:
    """Return the function that gives the Actor of a user, as a door makes it."""
    return actor_of


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


@pytest.fixture(autouse=True)
def _listed_writes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test fail that is listed for a route and has not written through it."""
    yield
    if connection.vendor == "sqlite" and not request.session.testsfailed:
        recorded_writes.require_written(request.node.nodeid)


@pytest.fixture(autouse=True, scope="session")
def _watched_writes() -> Iterator[None]:
    """Let requests, commands and tasks fail that change records without an event (SQLite tells what was changed)."""
    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "sqlite":
            patch.setattr(ClientHandler, "__call__", recorded_writes.watching_client(ClientHandler.__call__))
            patch.setattr(BaseCommand, "execute", recorded_writes.watching_command(BaseCommand.execute))
            patch.setattr(Task, "__call__", recorded_writes.watching_task(Task.__call__))
        yield
