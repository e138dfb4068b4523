"""Every action has its words, and a sentence is made of the event's facts alone."""

from __future__ import annotations

import pytest

from accounts.models import User
from audit.actions import Action
from audit.models import Event
from audit.queries import describe, facts
from audit.sentences import object_phrase
from audit.services import record, record_denial
from core.actors import system_actor
from core.errors import Denied
from core.refs import AUDIT_LOG
from tests.conftest import Acting


@pytest.mark.parametrize("action", Action)
def test_every_action_can_be_told(ada: User, acting: Acting, action: Action) -> None:
    event = record(actor=acting(ada), action=action, obj="model:clf")
    assert describe(event).startswith("ada ")


@pytest.mark.parametrize("action", [action for action in Action if action.startswith("audit.")])
def test_a_sentence_names_the_log_once(ada: User, acting: Acting, action: Action) -> None:
    assert describe(record(actor=acting(ada), action=action, obj=AUDIT_LOG)).count("audit log") == 1
    error = Denied("No.", action=action, obj=AUDIT_LOG)
    assert describe(record_denial(actor=acting(ada), error=error) or Event()).count("the audit log") == 1


def test_what_changed_and_why(ada: User, acting: Acting) -> None:
    event = record(
        actor=acting(ada),
        action=Action.REGISTRY_STAGE_CHANGED,
        obj="model-version:clf/2",
        before={"stage": "Staging"},
        after={"stage": "Production", "approved_by": "bea"},
        reason="It is better.",
    )
    assert describe(event) == (
        "ada changed the stage of version 2 of clf (stage: Staging → Production, approved by: bea), saying “It is better”."
    )


def test_a_refusal_says_so(ada: User, acting: Acting) -> None:
    error = Denied("Only reviewers may.", action=Action.APPROVALS_REVIEW_GIVEN, obj="transition-request:4")
    event = record_denial(actor=acting(ada), error=error)
    assert event is not None
    assert describe(event) == "ada was not allowed to review transition request 4: Only reviewers may."


def test_a_job_acts_for_somebody(db: None) -> None:
    actor = system_actor("archive_superseded", on_behalf_of="ada")
    event = record(actor=actor, action=Action.REGISTRY_STAGE_CHANGED, obj="model-version:clf/1")
    assert describe(event) == "Custody (archive superseded) on behalf of ada changed the stage of version 1 of clf."


def test_sentences_of_reloaded_events(ada: User, acting: Acting) -> None:
    made = record(actor=acting(ada), action=Action.REGISTRY_MODEL_CREATED, obj="model:clf", after={"name": "clf"})
    event = Event.objects.get(pk=made.pk)
    assert facts(event)["after"] == {"name": "clf"}
    assert describe(event) == "ada created model clf (name: clf)."


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("model-version:a/b/3", "version 3 of a/b"),
        ("run:ab12", "run ab12"),
        ("logged-model:m-1", "logged model m-1"),
        ("user:bea", "bea"),
        ("", ""),
    ],
)
def test_objects_in_words(ref: str, words: str) -> None:
    assert object_phrase(ref) == words
