"""Events hold commitments to the names of people; names and salts are in a table of their own."""

from __future__ import annotations

import re
import threading

import pytest
from django.db import Error, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.actions import Action
from audit.identities.commitments import forget_cached
from audit.identities.names import pseudonym_of
from audit.models import Event, Identity
from audit.queries import actor_name, by_actor, describe, events_matching, facts, trail_for
from audit.services import record, record_denial, record_many
from audit.verifier.audit_verify import commitment
from core.actors import Actor, system_actor
from core.errors import Denied
from core.refs import user_ref
from tests.conftest import Acting


def note(actor: Actor, obj: str = "run:r1") -> Event:
    return record(actor=actor, action=Action.ACCOUNT_USER_CHANGED, obj=obj)


def erase(ref: str) -> None:
    """Blank the names of a reference, as an erasure does."""
    Identity.objects.filter(ref=ref).update(name=None, salt=None, pseudonym=pseudonym_of(ref), erased_at=timezone.now())
    forget_cached()


def test_no_name_is_in_the_bytes(ada: User, bea: User, acting: Acting) -> None:
    for_ada = system_actor("settle_request", on_behalf_of="ada")
    events = [note(acting(ada)), note(acting(ada), user_ref("ada")), note(acting(bea), user_ref("ada")), note(for_ada)]
    for event in events:
        kept = f"{bytes(event.body).decode()} {event.actor_key} {event.object_ref}"
        assert not re.search(r"\b(ada|bea)\b", kept)  # letters of a digest may spell them
    assert [facts(event)["actor"]["name"] for event in events] == ["ada", "ada", "bea", "settle_request"]
    assert [facts(event)["object"] for event in events] == ["run:r1", "user:ada", "user:ada", "run:r1"]
    assert facts(events[3])["actor"]["on_behalf_of"] == "ada"
    for row in Identity.objects.all():
        assert commitment(bytes(row.salt or b""), row.name or "") == row.commitment
        assert len(bytes(row.salt or b"")) == 32


def test_one_row_for_each_reference_and_name(ada: User, bea: User, acting: Acting) -> None:
    for _ in range(3):
        note(acting(ada), user_ref("ada"))
        note(acting(bea), user_ref("ada"))
        forget_cached()
    assert sorted(Identity.objects.values_list("ref", "name")) == [
        ("", "ada"), (f"user:{ada.pk}", "ada"), (f"user:{bea.pk}", "bea"),
    ]  # fmt: skip
    salts = {bytes(row.salt or b"") for row in Identity.objects.all()}
    assert len(salts) == 3


def test_an_event_of_a_known_person_costs_one_query(
    ada: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    actor = acting(ada)
    with django_assert_num_queries(3):  # is there a row, the row, the event
        note(actor)
    with django_assert_num_queries(1):
        note(actor, user_ref("ada"))
    with django_assert_num_queries(1):
        record_many(actor=actor, action=Action.TRACKING_RUN_CREATED, changes={"run:1": {}, "run:2": {}})


def test_a_rollback_takes_the_identity_along(ada: User, acting: Acting) -> None:
    with transaction.atomic():
        note(acting(ada))
        transaction.set_rollback(True)
    assert not Identity.objects.exists()
    event = note(acting(ada))
    assert actor_name(event) == "ada"
    assert Identity.objects.get().commitment == event.actor_key


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_leaves_nothing_in_the_cache(ada: User, acting: Acting) -> None:
    for rolled_back in (True, False, False):
        with transaction.atomic():
            note(acting(ada))
            transaction.set_rollback(rolled_back)
    assert Identity.objects.get().commitment == Event.objects.values_list("actor_key", flat=True).distinct().get()
    refusal = Denied("No.", action=Action.REGISTRY_STAGE_CHANGED, obj="model:clf")
    denied = record_denial(actor=acting(ada), error=refusal)
    assert denied is not None
    assert denied.actor_key == Identity.objects.get().commitment


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_first_events_at_once_do_not_wait_for_each_other(ada: User, acting: Acting) -> None:
    actor, written = acting(ada), threading.Event()

    def other() -> None:
        with transaction.atomic():
            note(actor)
        connection.close()
        written.set()

    with transaction.atomic():
        note(actor)
        thread = threading.Thread(target=other)
        thread.start()
        assert written.wait(20), "the second writer waited for the first one's row"
    thread.join()
    assert [actor_name(event) for event in Event.objects.all()] == ["ada", "ada"]
    with transaction.atomic():
        newest = note(actor)
    assert newest.actor_key in set(Identity.objects.values_list("commitment", flat=True))
    assert Event.objects.filter(by_actor("ada")).count() == 3


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_identity SET name = 'eve'",
        "UPDATE audit_identity SET salt = NULL",
        "UPDATE audit_identity SET name = NULL, salt = NULL",
        "UPDATE audit_identity SET commitment = 'x', name = NULL, salt = NULL, pseudonym = 'x', erased_at = '2026-01-01'",
        "DELETE FROM audit_identity",
    ],
)
def test_the_database_lets_a_row_only_be_erased(ada: User, acting: Acting, sql: str) -> None:
    note(acting(ada))
    before = Identity.objects.values_list().get()
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Identity.objects.values_list().get() == before
    erase(f"user:{ada.pk}")
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        Identity.objects.update(name="ada", salt=b"x", pseudonym="", erased_at=None)
    assert Identity.objects.get().name is None


def test_a_person_who_was_erased_has_one_pseudonym_everywhere(ada: User, bea: User, acting: Acting) -> None:
    by_ada, about_ada = note(acting(ada)), note(acting(ada), user_ref("ada"))
    by_bea = note(acting(bea))
    body = bytes(by_ada.body)
    erase(f"user:{ada.pk}")
    name = pseudonym_of(f"user:{ada.pk}")
    assert [actor_name(by_ada), facts(about_ada)["object"], actor_name(by_bea)] == [name, f"user:{name}", "bea"]
    assert describe(by_ada).startswith(f"{name} changed")
    assert [event.pk for event in events_matching(actor=name).events] == [about_ada.pk, by_ada.pk]
    assert events_matching(actor="ada").events == []
    assert bytes(Event.objects.get(pk=by_ada.pk).body) == body


def test_events_are_found_by_name_before_and_since_commitments(ada: User, acting: Acting) -> None:
    old = note(system_actor("ada"), user_ref("ada"))  # as events of schema 2 have it: the name itself
    new = note(acting(ada), user_ref("ada"))
    assert [event.pk for event in events_matching(actor="ada").events] == [new.pk, old.pk]
    assert [event.pk for event in events_matching(actor="ada", size=1).events] == [new.pk]
    assert [event.pk for event in events_matching(actor="ada", actions=["account.user.changed"]).events] == [
        new.pk,
        old.pk,
    ]
    assert [event.pk for event in events_matching(obj="user:ada", actor="ada").events] == [new.pk, old.pk]
    assert {event.pk for event in trail_for(user_ref("ada"))} == {new.pk, old.pk}
