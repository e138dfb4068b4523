"""Several at once, each with a connection of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import CheckRun, CheckState, RequestState, Review, TransitionRequest
from approvals.requests.review import decide_request
from approvals.requests.transition import request_transition
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import DomainError
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, reread
from tests.conftest import Acting

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run all at the same moment and return what each gave: its value, or the refusal it met."""
    gate = threading.Barrier(len(acts))
    given: list[object] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        try:
            gate.wait(60)
            given[place] = act()
        except DomainError as error:
            given[place] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return given


def test_many_apply_and_one_moves(ready: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    digest = load_case(ready).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Good.", seen_digest=digest)

    def call() -> ModelVersion:
        return request_transition(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)

    given = at_once(call, call, *[lambda: tasks.apply_request(ready.pk)] * 3)
    assert [str(item) for item in given] == ["fraud v1"] * 2 + ["applied"] * 3
    assert Event.objects.filter(action=Action.APPROVALS_REQUEST_APPLIED).count() == 1
    assert Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED, outcome="ok").count() == 1


def test_approve_and_reject_at_once(ready: TransitionRequest, by_bea: Actor, cy: User, acting: Acting) -> None:
    cy.groups.set(User.objects.get(username="bea").groups.all())
    digest = load_case(ready).snapshot.subject_digest

    def say(actor: Actor, decision: str) -> Callable[[], Review]:
        return lambda: decide_request(
            actor=actor, request_id=ready.pk, decision=decision, comment="So.", seen_digest=digest
        )

    given = at_once(say(by_bea, "approve"), say(acting(cy), "reject"), say(by_bea, "approve"))
    taken = [item for item in given if isinstance(item, Review)]
    assert sorted(item.pk for item in taken) == sorted(Review.objects.values_list("pk", flat=True))
    assert len({item.reviewer_id for item in taken}) == len(taken)
    # Whoever was first: while nothing has moved yet, a rejection is the last word.
    assert reread(ready).state == RequestState.REJECTED


def test_asking_at_once_opens_one_request(policies: object, new_version: NewVersion, by_ada: Actor) -> None:
    new_version()

    def call() -> ModelVersion:
        return request_transition(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)

    at_once(*[call] * 5)
    assert TransitionRequest.objects.count() == 1
    assert CheckRun.objects.count() == 6
    assert Event.objects.filter(action=Action.REGISTRY_STAGE_CHANGED, outcome="denied").count() == 1


def test_the_call_waits_for_its_checks(
    policies: object, new_version: NewVersion, by_ada: Actor, settings: Settings
) -> None:
    settings.CHECK_WAIT_SECONDS = 30
    new_version()

    def work() -> None:
        done = 0
        while done < 3:
            for pk in CheckRun.objects.filter(state=CheckState.QUEUED).values_list("pk", flat=True):
                tasks.run_check(pk)
                done += 1
            time.sleep(0.02)

    def call() -> ModelVersion:
        return request_transition(actor=by_ada, name="fraud", version=1, target=Stage.STAGING, archive_existing=False)

    moved, _ = at_once(call, work)
    assert isinstance(moved, ModelVersion)
    assert moved.stage == Stage.STAGING
