"""An erasure takes the texts of one person, wherever the log repeats them, and of nobody else."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from django.db import transaction

from accounts.models import User
from audit.actions import Action
from audit.identities.erasing import erase_names
from audit.models import Event, EventText
from audit.queries import describe, facts
from audit.services import record
from audit.texts.erasing import count_texts, erase_texts
from audit.texts.owners import TextOf
from audit.verifier.audit_verify import ERASED_TEXT
from core.actors import Actor, anonymous_actor, system_actor
from core.refs import user_ref
from tests.conftest import Acting


def update(actor: Actor, **facts: Any) -> Event:
    return record(actor=actor, action=Action.REGISTRY_MODEL_UPDATED, obj="model:m", **facts)


def shown(event: Event) -> dict[str, Any]:
    body = facts(Event.objects.get(pk=event.pk))
    return {key: body[key] for key in ("before", "after", "reason") if body[key]}


def erase(person: User) -> int:
    """Erase a person from the log, as the service does."""
    with transaction.atomic():
        ref, names = f"user:{person.pk}", [person.username]
        planned = count_texts(ref, names)
        assert erase_texts(ref, names) == planned
        erase_names(ref, names)
    return planned


def test_the_texts_of_one_person_go(ada: User, bea: User, acting: Acting) -> None:
    by_ada = update(acting(ada), after={"description": "by ada"}, reason="because")
    by_bea = update(acting(bea), after={"description": "by bea"}, reason="because")
    body = bytes(by_ada.body)
    assert erase(ada) == 2
    assert shown(by_ada) == {"after": {"description": ERASED_TEXT}, "reason": ERASED_TEXT}
    assert shown(by_bea) == {"after": {"description": "by bea"}, "reason": "because"}
    assert bytes(Event.objects.get(pk=by_ada.pk).body) == body
    assert describe(Event.objects.get(pk=by_ada.pk)).endswith("saying “[erased]”.")


def test_what_others_did_for_them_or_with_what_they_wrote_goes(ada: User, bea: User, acting: Acting) -> None:
    for_ada = update(system_actor("job", on_behalf_of="ada"), reason="for ada")
    of_ada = record(
        actor=acting(bea), action=Action.APPROVALS_COMMENT_DELETED, obj="m", before={"text": TextOf("ada", "a comment")}
    )
    typed = record(
        actor=anonymous_actor(),
        action=Action.ACCOUNT_AUTHENTICATION_FAILED,
        obj=user_ref("ada"),
        after={"address": "192.0.2.7"},
    )
    other = record(
        actor=anonymous_actor(),
        action=Action.ACCOUNT_AUTHENTICATION_FAILED,
        obj=user_ref("bea"),
        after={"address": "192.0.2.7"},
    )
    assert erase(ada) == 3
    assert [shown(event) for event in (for_ada, of_ada, typed)] == [
        {"reason": ERASED_TEXT},
        {"before": {"text": ERASED_TEXT}},
        {"after": {"address": ERASED_TEXT}},
    ]
    assert shown(other) == {"after": {"address": "192.0.2.7"}}


def test_a_text_that_a_later_event_repeats_goes_there_too(ada: User, bea: User, acting: Acting) -> None:
    update(acting(ada), after={"description": "about Grace"})
    replaced = update(acting(bea), before={"description": "about Grace"}, after={"description": "about nobody"})
    again = update(acting(bea), after={"description": "about Grace"})  # bea's own words now
    by_job = update(system_actor("job"), reason="about Grace")
    assert erase(ada) == 3
    assert shown(replaced) == {"before": {"description": ERASED_TEXT}, "after": {"description": "about nobody"}}
    assert shown(again) == {"after": {"description": "about Grace"}}
    assert shown(by_job) == {"reason": ERASED_TEXT}


def test_it_can_be_repeated(ada: User, bea: User, acting: Acting) -> None:
    update(acting(ada), reason="one")
    assert erase(ada) == 1
    assert erase(ada) == 0
    late = update(system_actor("job", on_behalf_of="ada"), reason="two")
    quoted = update(acting(bea), after={"description": TextOf("ada", "three")})
    own = update(acting(ada), reason="four")
    assert erase(ada) == 3
    assert {str(shown(event)).count(ERASED_TEXT) for event in (late, quoted, own)} == {1}


def test_an_account_that_wrote_nothing_loses_nothing(ada: User, cy: User, acting: Acting) -> None:
    update(acting(ada), reason="one")
    update(system_actor("job"), reason="two")
    assert erase(cy) == 0
    assert not EventText.objects.filter(value=None).exists()


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_events_of_older_schemas_are_read_as_they_are(ada: User, acting: Acting, schema: int) -> None:
    event = update(acting(ada), reason="x")
    body = bytes(event.body)
    old = facts(event) | {"schema": schema}
    assert old["reason"] == "x"
    before = Event(event_id=event.event_id, body=orjson.dumps(old))
    assert facts(before) == old
    assert b'"texts"' in body
