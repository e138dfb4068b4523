"""Events hold commitments to the texts of people and to addresses; the texts are in a table of their own."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest
from django.db import Error, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.actions import Action
from audit.models import Event, EventText, Identity
from audit.queries import describe, events_matching, facts, with_people_read
from audit.services import record, record_many, record_with
from audit.texts.fact_kinds import DESCRIPTION_TAGS, FACTS
from audit.texts.owners import TextOf
from audit.verifier.audit_verify import NAMED_OBJECT, text_hashes_of
from core.actors import anonymous_actor, system_actor
from core.refs import user_ref
from tests.audit.forging import text_commitment
from tests.conftest import Acting

MARKER = "Ask Grace, 0171 555"


def reread(event: Event) -> Event:
    return Event.objects.get(event_id=event.event_id)


def subjects(event: Event) -> dict[str, str]:
    """Return the subjects of the texts of an event by place."""
    return dict(EventText.objects.filter(event_id=event.event_id).values_list("place", "subject"))


def named(name: str) -> str:
    """Return the subject of the texts of a person by the name alone."""
    return NAMED_OBJECT + Identity.objects.get(ref="", name=name).commitment


@pytest.mark.parametrize("action", Action, ids=lambda action: action.value)
def test_no_text_is_in_the_bytes_of_any_action(ada: User, acting: Acting, action: Action) -> None:
    kinds = FACTS[action]
    texts = kinds.texts
    if kinds.has_any_key:
        texts = frozenset() if kinds.has_people_as_keys else DESCRIPTION_TAGS
    before: dict[str, object] = {key: f"{MARKER} before {key}" for key in texts}
    after: dict[str, object] = {key: {"in": [f"{MARKER} after {key}"]} for key in texts}
    if "tags" in kinds.plain:
        after["tags"] = {"mlflow.note.content": MARKER, "team": "fraud"}
    event = record(actor=acting(ada), action=action, obj="run:1", before=before, after=after, reason=MARKER)
    stored = reread(event)
    row = [str(getattr(stored, field.attname)) for field in Event._meta.concrete_fields if field.name != "body"]
    assert MARKER not in bytes(stored.body).decode() + " ".join(row)
    for each in (event, stored):
        body = facts(each)
        assert (body["before"], body["after"], body["reason"]) == (before, after, MARKER)
    assert MARKER in describe(stored)


def test_the_bytes_hold_the_salted_commitment(ada: User, acting: Acting) -> None:
    event = record(
        actor=acting(ada), action=Action.APPROVALS_COMMENT_ADDED, obj="run:1", after={"comment": 1, "text": MARKER}
    )
    body = orjson.loads(bytes(event.body))
    assert (body["schema"], body["after"], body["reason"]) == (4, {"comment": 1}, "")
    [(place, digest)] = text_hashes_of(body)
    row = EventText.objects.get()
    assert (place, row.place, row.subject) == (("after", "text"), '["after","text"]', f"user:{ada.pk}")
    assert len(bytes.fromhex(row.salt or "")) == 32
    assert text_commitment(bytes.fromhex(row.salt or ""), orjson.loads(row.value or "")) == digest


def test_two_events_with_one_text_have_two_commitments(ada: User, acting: Acting) -> None:
    for _ in range(2):
        record(actor=acting(ada), action=Action.ACCOUNT_SIGNED_IN, obj="user:ada", after={"address": "192.0.2.7"})
    hashes = {text_hashes_of(orjson.loads(bytes(event.body)))[0][1] for event in Event.objects.all()}
    assert len(hashes) == 2


@pytest.mark.parametrize("empty", ["", [], {}, None, 0, False])
def test_what_is_empty_or_a_number_has_no_row(ada: User, acting: Acting, empty: object) -> None:
    event = record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, obj="model:m", after={"description": empty})
    assert b'"texts"' not in bytes(event.body)
    assert facts(reread(event))["after"] == {"description": empty}
    assert not EventText.objects.exists()


@pytest.mark.parametrize("text", ["x\x00y", "\ud800", "“é” 🙂\n\t", '{"a": 1}', "x" * 1500, ["y" * 900] * 90])
def test_odd_and_long_texts_are_as_in_earlier_events(ada: User, acting: Acting, text: Any) -> None:
    event = record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, obj="model:m", after={"description": text})
    shown = facts(reread(event))["after"]["description"]
    assert shown == facts(event)["after"]["description"]
    [(_, digest)] = text_hashes_of(orjson.loads(bytes(event.body)))
    row = EventText.objects.get()
    assert text_commitment(bytes.fromhex(row.salt or ""), orjson.loads(row.value or "")) == digest
    if text == ["y" * 900] * 90:
        assert (len(shown["sha256"]), shown["shortened"]) == (64, True)
    elif len(text) > 1000:
        assert shown["length"] == 1500
    else:
        assert shown == text.encode("utf-8", "replace").decode()


def test_an_unlisted_fact_is_treated_as_a_text_and_warns(ada: User, acting: Acting) -> None:
    with pytest.warns(UserWarning, match=r"registry.model.deleted has the fact 'note'"):
        event = record(actor=acting(ada), action=Action.REGISTRY_MODEL_DELETED, obj="model:m", before={"note": MARKER})
    assert MARKER not in bytes(event.body).decode()
    assert facts(reread(event))["before"] == {"note": MARKER}


def test_whose_a_text_is(ada: User, bea: User, acting: Acting) -> None:
    action, reason = Action.ACCOUNT_USER_CHANGED, "why"
    by_ada = record(actor=acting(ada), action=action, obj="user:bea", reason=reason)
    by_job = record(actor=system_actor("job"), action=action, obj="user:bea", reason=reason)
    for_ada = record(actor=system_actor("job", on_behalf_of="ada"), action=action, obj="user:bea", reason=reason)
    of_bea = record(actor=acting(ada), action=action, obj="user:bea", after={"email": TextOf("bea", "b@example.com")})
    own = record(actor=acting(ada), action=action, obj="user:ada", after={"email": TextOf("ada", "a@example.com")})
    nobodys = record(actor=acting(ada), action=action, obj="user:ada", reason=TextOf("", "why"))
    assert subjects(by_ada) == {'["reason"]': f"user:{ada.pk}"}
    assert subjects(by_job) == {'["reason"]': "system:job"}
    assert subjects(for_ada) == {'["reason"]': named("ada")}
    assert subjects(of_bea) == {'["after","email"]': named("bea")}
    assert subjects(own) == {'["after","email"]': f"user:{ada.pk}"}
    assert subjects(nobodys) == {'["reason"]': f"user:{ada.pk}"}


def test_the_address_of_a_failed_sign_in_belongs_to_the_name_that_was_typed(db: None) -> None:
    action = Action.ACCOUNT_AUTHENTICATION_FAILED
    event = record(actor=anonymous_actor(), action=action, obj=user_ref("ada"), after={"address": "192.0.2.7"})
    assert subjects(event) == {'["after","address"]': event.object_ref}
    assert event.object_ref == named("ada")


def test_an_event_and_its_texts_cost_one_statement_on_postgresql(
    ada: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    actor = acting(ada)
    record(actor=actor, action=Action.REGISTRY_MODEL_UPDATED, obj="model:m")
    with django_assert_num_queries(1 if connection.vendor == "postgresql" else 2):
        record(
            actor=actor,
            action=Action.REGISTRY_MODEL_UPDATED,
            obj="model:m",
            before={"description": "one"},
            after={"description": "two"},
            reason="three",
        )
    assert EventText.objects.count() == 3


def test_a_rollback_takes_the_texts_along(ada: User, acting: Acting) -> None:
    with transaction.atomic():
        record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, obj="model:m", reason=MARKER)
        transaction.set_rollback(True)
    assert not EventText.objects.exists()


def test_many_events_at_once_have_their_texts(ada: User, acting: Acting) -> None:
    changes = {f"model:{number}": {"description": f"text {number}"} for number in range(3)}
    record_many(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, changes=changes)
    assert {event.object_ref: facts(event)["after"] for event in Event.objects.all()} == changes


def test_a_statement_with_an_event_leaves_texts_to_the_caller(ada: User, acting: Acting) -> None:
    change = "changed AS (SELECT 1)"
    action, after = Action.REGISTRY_MODEL_UPDATED, {"description": MARKER}
    assert not record_with(change, [], actor=acting(ada), action=action, obj="model:m", after=after)
    assert not Event.objects.exists()


def test_the_texts_of_a_page_are_one_query(
    ada: User, acting: Acting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, obj="model:m", reason=f"reason {number}")
        record(actor=acting(ada), action=Action.TRACKING_RUN_CREATED, obj="run:1", after={"name": "r"})
    page = events_matching().events
    with django_assert_num_queries(0):
        assert [facts(event)["reason"] for event in page][1::2] == [f"reason {number}" for number in range(4, -1, -1)]
    with django_assert_num_queries(2):
        assert len([facts(event) for event in with_people_read(Event.objects.all())]) == 10
    with django_assert_num_queries(1):
        assert {facts(event, texts=False)["reason"][:7] for event in Event.objects.all()} == {"", "sha256:"}


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE audit_eventtext SET value = '\"other\"'",
        "UPDATE audit_eventtext SET salt = NULL",
        "UPDATE audit_eventtext SET value = NULL, salt = NULL",
        "UPDATE audit_eventtext SET subject = 'x', value = NULL, salt = NULL, erased_at = '2026-01-01'",
        "UPDATE audit_eventtext SET place = '[]', value = NULL, salt = NULL, erased_at = '2026-01-01'",
        "DELETE FROM audit_eventtext",
    ],
)
def test_the_database_lets_a_row_only_be_erased(ada: User, acting: Acting, sql: str) -> None:
    record(actor=acting(ada), action=Action.REGISTRY_MODEL_UPDATED, obj="model:m", reason=MARKER)
    before = EventText.objects.values_list().get()
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert EventText.objects.values_list().get() == before
    EventText.objects.update(value=None, salt=None, erased_at=timezone.now())
    with pytest.raises(Error, match="append-only"), transaction.atomic():
        EventText.objects.update(value='"x"', salt="00" * 32, erased_at=None)
    assert EventText.objects.get().value is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_two_writers_of_texts_do_not_wait_for_each_other(ada: User, acting: Acting) -> None:
    actor, written = acting(ada), threading.Event()
    text: Any = {"action": Action.REGISTRY_MODEL_UPDATED, "obj": "model:m", "reason": MARKER}
    with transaction.atomic():
        record(actor=actor, **text)

    def other() -> None:
        with transaction.atomic():
            record(actor=actor, **text)
        connection.close()
        written.set()

    with transaction.atomic():
        record(actor=actor, **text)
        thread = threading.Thread(target=other)
        thread.start()
        assert written.wait(20), "the second writer waited for the first one"
    thread.join()
    assert EventText.objects.count() == 3
