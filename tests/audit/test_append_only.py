"""Events are written once: Python refuses to change them, and so does the database underneath."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import Error, connection, transaction
from django.db.models import ProtectedError

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name
from audit.services import record
from core.append_only import AppendOnlyError
from tests.conftest import Acting


@pytest.fixture
def event(ada: User, acting: Acting) -> Event:
    return record(actor=acting(ada), action=Action.REGISTRY_MODEL_CREATED, obj="model:clf", stream="model:1")


@pytest.mark.parametrize(
    "change",
    [
        lambda event: event.save(),
        lambda event: event.delete(),
        lambda _: Event.objects.update(action="x"),
        lambda _: Event.objects.all().delete(),
        lambda event: Event.objects.bulk_update([event], ["action"]),
        lambda event: Event.objects.update_or_create(pk=event.pk),
        lambda event: Event.objects.bulk_create(
            [event], update_conflicts=True, unique_fields=["event_id"], update_fields=["action"]
        ),
    ],
    ids=["save", "delete", "update", "delete all", "bulk_update", "update_or_create", "upsert"],
)
def test_python_refuses(event: Event, change: Callable[[Event], object]) -> None:
    event.action = "x"
    with pytest.raises(AppendOnlyError):
        change(event)
    assert Event.objects.get().action == Action.REGISTRY_MODEL_CREATED


@pytest.mark.parametrize("sql", ["UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"])
def test_the_database_refuses(event: Event, sql: str) -> None:
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Event.objects.get().action == event.action


def test_an_account_that_acted_stays(ada: User, event: Event) -> None:
    with pytest.raises(ProtectedError):
        ada.delete()
    assert User.objects.get(username=actor_name(event)) == ada
