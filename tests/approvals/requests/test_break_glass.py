"""Breaking the glass: by two people of the policy's groups, with a reason, an alarm, and a review that is owed."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, transaction

from accounts.models import User
from approvals import tasks
from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import Finding, PostReview
from approvals.oversight.post_reviews import complete_post_review
from approvals.requests.break_glass import break_glass
from approvals.requests.transition import request_transition
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, InvalidState
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import PRODUCTION, approve, ask, emergency, publish, stage_of
from tests.approvals.publishing import person
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import token_actor

GLASS = {"groups": ["incident"], "second_person": True, "post_review_within": "2h"}


@pytest.fixture
def ivy(db: None, acting: Acting) -> Actor:
    return acting(_of_incident("ivy"))


@pytest.fixture
def ian(db: None, acting: Acting) -> Actor:
    return acting(_of_incident("ian"))


def _of_incident(name: str) -> User:
    return person(name, "incident")


@pytest.fixture
@recorded_fixture
def version(new_version: NewVersion) -> ModelVersion:
    publish(break_glass=GLASS)
    return new_version()


@pytest.fixture
@recorded_fixture
def broken(version: ModelVersion, ivy: Actor, ian: Actor, run_checks: RunChecks) -> PostReview:
    """Ivy broke the glass and Ian was the second person."""
    request = approve(ian, emergency(ivy, version, run_checks))
    assert tasks.apply_request(request.pk) == "applied"
    return PostReview.objects.get()


def test_two_people_move_a_version_past_the_policy(broken: PostReview) -> None:
    assert stage_of(1) == PRODUCTION
    alarm = Event.objects.get(action="approvals.glass.broken")
    assert (alarm.object_ref, alarm.outcome) == (f"transition-request:{broken.request_id}", "ok")
    assert broken.due_at - broken.broken_at == timedelta(hours=2)


def test_one_alone_does_not(version: ModelVersion, ivy: Actor, run_checks: RunChecks) -> None:
    request = emergency(ivy, version, run_checks)
    with pytest.raises(Denied, match="requester"):
        approve(ivy, request)
    assert (stage_of(1), PostReview.objects.count()) == (("None", False), 0)


def test_where_the_policy_says_one_is_enough_the_alarm_still_sounds(
    version: ModelVersion, ivy: Actor, run_checks: RunChecks
) -> None:
    publish(break_glass={**GLASS, "second_person": False})
    request = emergency(ivy, version, run_checks)
    assert tasks.apply_request(request.pk) == "applied"
    assert PostReview.objects.count() == Event.objects.filter(action="approvals.glass.broken").count() == 1


def test_without_the_option_there_is_no_way(new_version: NewVersion, ivy: Actor) -> None:
    publish()
    version = new_version()
    with pytest.raises(InvalidState, match="does not allow break-glass"):
        break_glass(actor=ivy, name="fraud", version=version.version, target="Production", reason="Help.")
    assert not TransitionRequest.objects.exists()


@pytest.mark.parametrize("who", ["ada", "ops", "bot", "token"])
def test_nobody_else_may(who: str, version: ModelVersion, ada: User, ops: User, bot: User, acting: Acting) -> None:
    users = {"ada": ada, "ops": ops, "bot": bot}
    actor = acting(users.get(who, ada))
    if who == "token":
        Group.objects.get_or_create(name="incident")[0].user_set.add(ada)
        actor = token_actor(ada)
    with pytest.raises(Denied):
        break_glass(actor=actor, name="fraud", version=1, target="Production", reason="Help.")
    assert not TransitionRequest.objects.exists()


def test_a_reason_is_needed(version: ModelVersion, ivy: Actor) -> None:
    with pytest.raises(InvalidInput):
        break_glass(actor=ivy, name="fraud", version=1, target="Production", reason="  ")
    assert not TransitionRequest.objects.exists()


def test_it_takes_the_place_of_an_open_request(
    version: ModelVersion, by_ada: Actor, ivy: Actor, run_checks: RunChecks
) -> None:
    ordinary = ask(by_ada, version)
    emergency(ivy, version, run_checks)
    assert reread(ordinary).state == RequestState.STALE


def test_mlflow_never_breaks_it(
    version: ModelVersion, by_ada: Actor, ivy: Actor, ian: Actor, run_checks: RunChecks
) -> None:
    approve(ian, emergency(ivy, version, run_checks))
    with pytest.raises(Conflict, match="break glass"):
        request_transition(actor=by_ada, name="fraud", version=1, target="Production", archive_existing=False)
    assert stage_of(1) == ("None", False)


def test_taking_the_option_away_reaches_what_is_open(
    version: ModelVersion, ivy: Actor, ian: Actor, run_checks: RunChecks
) -> None:
    request = emergency(ivy, version, run_checks)
    publish()
    request = approve(ian, request)
    assert request.state == RequestState.OPEN
    assert stage_of(1) == ("None", False)


def test_a_third_person_reviews_it_afterwards(broken: PostReview, by_bea: Actor) -> None:
    done = complete_post_review(actor=by_bea, post_review_id=broken.pk, outcome="justified", comment="It was on fire.")
    assert done.completed_by is not None
    assert Event.objects.filter(action="approvals.post_review.completed").count() == 1
    with pytest.raises(InvalidState):
        complete_post_review(actor=by_bea, post_review_id=broken.pk, outcome="justified", comment="Again.")


@pytest.mark.parametrize("who", ["ivy", "ian", "by_ada", "outsider"])
def test_neither_of_the_two_nor_the_author(who: str, broken: PostReview, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("acting")
    actors = {"outsider": lambda: request.getfixturevalue("acting")(request.getfixturevalue("cy"))}
    actor = actors.get(who, lambda: request.getfixturevalue(who))()
    with pytest.raises(Denied):
        complete_post_review(actor=actor, post_review_id=broken.pk, outcome="justified", comment="Fine.")
    assert PostReview.objects.get().completed_at is None


def test_what_was_not_justified_leaves_a_finding(broken: PostReview, by_bea: Actor) -> None:
    complete_post_review(actor=by_bea, post_review_id=broken.pk, outcome="not_justified", comment="No fire.")
    assert Finding.objects.get().severity == "high"


def test_overdue_is_said_once(broken: PostReview) -> None:
    with time_machine.travel(broken.due_at + timedelta(minutes=1), tick=False):
        assert [tasks.flag_overdue(), tasks.flag_overdue()] == [1, 0]
    assert Event.objects.filter(action="approvals.post_review.fell_due").count() == 1


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE approvals_postreview SET due_at = broken_at",
        "UPDATE approvals_postreview SET completed_by_id = requester_id, completed_at = due_at, outcome = 'justified', comment = 'x'",
        "UPDATE approvals_postreview SET outcome = 'justified'",
        "DELETE FROM approvals_postreview",
    ],
)
def test_the_database_holds_it(sql: str, broken: PostReview) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
