"""The Production version is reviewed again: a date, one event when it has passed, and the consequence that the policy
names.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction

from approvals import tasks
from approvals.models import RequestState
from approvals.models.oversight import Finding, ReReview
from approvals.oversight.re_reviews import confirm_version
from approvals.requests.transition import request_transition
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, GateRefused, InvalidState
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import PRODUCTION, approve, ask, promote, publish, stage_of
from tests.recorded_fixtures import recorded_fixture

FELL_DUE = "approvals.re_review.fell_due"


def due() -> ModelVersion:
    return ModelVersion.objects.get(version=1)


@pytest.fixture
@recorded_fixture
def promoted(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> ModelVersion:
    publish(re_review_every="30d")
    promote(by_ada, by_bea, new_version())
    return due()


def test_the_date_follows_from_the_approval(promoted: ModelVersion) -> None:
    assert promoted.review_due_at == promoted.approved_at + timedelta(days=30)  # type: ignore[operator]  # it was approved


def test_a_changed_policy_changes_the_date(promoted: ModelVersion) -> None:
    publish(re_review_every="10d")
    assert [tasks.schedule_re_reviews(), tasks.schedule_re_reviews()] == [1, 0]
    assert due().review_due_at == promoted.approved_at + timedelta(days=10)  # type: ignore[operator]  # it was approved
    publish()
    assert tasks.schedule_re_reviews() == 1
    assert due().review_due_at is None


@pytest.mark.parametrize(("when_due", "findings"), [("warn", 0), ("flag", 1), ("block", 1)])
def test_an_overdue_re_review_is_recorded_once(when_due: str, findings: int, promoted: ModelVersion) -> None:
    publish(re_review_every={"every": "30d", "when_due": when_due})
    with time_machine.travel(promoted.review_due_at + timedelta(hours=1), tick=False):  # type: ignore[operator]  # it has one
        assert [tasks.flag_overdue(), tasks.flag_overdue()] == [1, 0]
    assert Event.objects.filter(action=FELL_DUE).count() == 1
    assert Finding.objects.count() == findings
    assert stage_of(1) == PRODUCTION


def test_a_reviewer_confirms_it(promoted: ModelVersion, by_bea: Actor) -> None:
    publish(re_review_every={"every": "30d", "when_due": "flag"})
    later = promoted.review_due_at + timedelta(hours=1)  # type: ignore[operator]  # it has one
    with time_machine.travel(later, tick=False):
        tasks.flag_overdue()
        confirm_version(actor=by_bea, name="fraud", version=1, comment="Still good.")
        assert tasks.schedule_re_reviews() == 0
        assert tasks.flag_overdue() == 0
    assert due().review_due_at == later + timedelta(days=30)
    assert Finding.objects.get().state == "resolved"
    with time_machine.travel(later + timedelta(days=31), tick=False):
        assert tasks.flag_overdue() == 1


@pytest.mark.parametrize("who", ["by_ada", "cy"])
def test_neither_the_author_nor_an_outsider_confirms_it(
    who: str, promoted: ModelVersion, request: pytest.FixtureRequest
) -> None:
    actor = request.getfixturevalue(who)
    actor = actor if isinstance(actor, Actor) else request.getfixturevalue("acting")(actor)
    with pytest.raises(Denied):
        confirm_version(actor=actor, name="fraud", version=1, comment="Mine.")
    assert not ReReview.objects.exists()


def test_a_version_without_a_re_review_cannot_be_confirmed(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish()
    promote(by_ada, by_bea, new_version())
    with pytest.raises(InvalidState):
        confirm_version(actor=by_bea, name="fraud", version=1, comment="x")


def test_block_refuses_the_next_move_and_leaves_the_version_in_place(
    promoted: ModelVersion, by_ada: Actor, by_bea: Actor
) -> None:
    publish(re_review_every={"every": "30d", "when_due": "block"})
    publish("@champion")
    with time_machine.travel(promoted.review_due_at + timedelta(hours=1), tick=False):  # type: ignore[operator]  # it has one
        request = approve(by_bea, ask(by_ada, promoted, "@champion"))
        assert request.state == RequestState.OPEN
        with pytest.raises(GateRefused, match="re-review"):
            request_transition(actor=by_ada, name="fraud", version=1, target="@champion", archive_existing=False)
        confirm_version(actor=by_bea, name="fraud", version=1, comment="Fine.")
        tasks.settle_request(request.pk)
        assert tasks.apply_request(request.pk) == "applied"
    assert stage_of(1) == PRODUCTION


@pytest.mark.parametrize("sql", ["UPDATE approvals_rereview SET comment = 'x'", "DELETE FROM approvals_rereview"])
def test_a_re_review_cannot_be_changed(sql: str, promoted: ModelVersion, by_bea: Actor) -> None:
    confirm_version(actor=by_bea, name="fraud", version=1, comment="Early, and well.")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
