"""The version of a protected alias is reviewed again too; a version at two targets is under both policies."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.case.re_review_dates import due_dates, versions_to_schedule
from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import Finding, ReReview
from approvals.oversight.re_reviews import confirm_version
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, InvalidState
from registry.models import Alias, ModelVersion
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, ask, promote, publish
from tests.approvals.publishing import person
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of

RISK: dict[str, object] = {"id": "risk", "level": "hard", "approvals": {"count": 1, "groups": ["risk"]}}


def version(number: int = 1) -> ModelVersion:
    return ModelVersion.objects.select_related("model").get(version=number)


def came(target: str = "@champion") -> TransitionRequest:
    return TransitionRequest.objects.filter(target=target, state=RequestState.APPLIED).latest("pk")


@pytest.fixture
@recorded_fixture
def champion(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> ModelVersion:
    publish("@champion", re_review_every={"every": "30d", "when_due": "flag"})
    promote(by_ada, by_bea, new_version(), "@champion")
    return version()


def test_the_date_counts_from_the_arrival_at_the_alias(champion: ModelVersion) -> None:
    assert champion.review_due_at == came().closed_at + timedelta(days=30)  # type: ignore[operator]  # it is applied


def test_an_overdue_re_review_is_recorded_once_and_flagged(champion: ModelVersion) -> None:
    with time_machine.travel(champion.review_due_at + timedelta(hours=1), tick=False):  # type: ignore[operator]  # it has one
        assert [tasks.flag_overdue(), tasks.flag_overdue()] == [1, 0]
    assert Event.objects.filter(action="approvals.re_review.fell_due").count() == 1
    assert Finding.objects.get().origin == "re_review"
    assert Alias.objects.get().version == champion


def test_a_reviewer_confirms_it_and_the_author_cannot(
    champion: ModelVersion, by_ada: Actor, by_bea: Actor, cy: User
) -> None:
    for actor in (by_ada, actor_of(cy)):
        with pytest.raises(Denied):
            confirm_version(actor=actor, name="fraud", version=1, comment="Mine.")
    assert not ReReview.objects.exists()
    later = champion.review_due_at + timedelta(hours=1)  # type: ignore[operator]  # it has one
    with time_machine.travel(later, tick=False):
        confirm_version(actor=by_bea, name="fraud", version=1, comment="Still good.")
        assert [tasks.schedule_re_reviews(), tasks.flag_overdue()] == [0, 0]
    assert version().review_due_at == later + timedelta(days=30)


def test_block_refuses_the_next_promotion(champion: ModelVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("@champion", re_review_every={"every": "30d", "when_due": "block"})
    publish("Production")
    with time_machine.travel(champion.review_due_at + timedelta(hours=1), tick=False):  # type: ignore[operator]  # it has one
        request = ask(by_ada, champion)
        rules = [item["rule"] for item in load_case(reread(request)).verdict.blocked_by()]
        assert "re-review" in rules
        confirm_version(actor=by_bea, name="fraud", version=1, comment="Fine.")
        assert "re-review" not in [item["rule"] for item in load_case(reread(request)).verdict.blocked_by()]


def test_at_two_targets_the_earlier_date_counts_and_both_policies_apply(
    champion: ModelVersion, by_ada: Actor, by_bea: Actor
) -> None:
    rae = actor_of(person("rae", "risk"))
    publish("Production", rules=(RISK, FOUR_EYES), re_review_every={"every": "10d", "when_due": "warn"})
    promote(by_ada, rae, champion)
    found = version()
    assert found.review_due_at == found.approved_at + timedelta(days=10)  # type: ignore[operator]  # it was approved
    for actor in (by_bea, rae):
        with pytest.raises(Denied):
            confirm_version(actor=actor, name="fraud", version=1, comment="Good for my place.")
    assert not ReReview.objects.exists()
    both = actor_of(person("rae", "risk", "reviewers"))
    given = confirm_version(actor=both, name="fraud", version=1, comment="Good for both.")
    assert given.due_at == given.given_at + timedelta(days=10)


def test_only_the_overdue_target_has_consequences(champion: ModelVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("Production", re_review_every={"every": "10d", "when_due": "warn"})
    promote(by_ada, by_bea, champion)
    with time_machine.travel(version().review_due_at + timedelta(hours=1), tick=False):  # type: ignore[operator]  # it has one
        assert tasks.flag_overdue() == 1
    assert not Finding.objects.exists()


def test_a_version_that_loses_the_alias_loses_the_date(
    champion: ModelVersion, new_version: NewVersion, by_ada: Actor, by_bea: Actor
) -> None:
    promote(by_ada, by_bea, new_version(), "@champion")
    assert tasks.schedule_re_reviews() == 1
    assert (version(1).review_due_at, version(2).review_due_at is None) == (None, False)


def test_a_version_that_was_in_production_keeps_the_date(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("Production", re_review_every="30d")
    promote(by_ada, by_bea, new_version())
    ModelVersion.objects.update(stage="Staging", is_current=False)
    Alias.objects.create(model=version().model, name="free", version=version())
    assert tasks.schedule_re_reviews() == 0
    assert version().review_due_at is not None


def test_an_alias_older_than_its_policy_counts_from_the_registration(new_version: NewVersion) -> None:
    row = new_version()
    Alias.objects.create(model=row.model, name="champion", version=row)
    publish("@champion", rules=(REVIEWERS,), re_review_every="30d")
    assert tasks.schedule_re_reviews() == 1
    found = version()
    assert found.review_due_at is not None
    assert abs(found.review_due_at.timestamp() - 30 * 86400 - found.created_ms / 1000) < 0.01


def test_without_a_policy_there_is_no_date(new_version: NewVersion, by_bea: Actor) -> None:
    row = new_version()
    Alias.objects.create(model=row.model, name="champion", version=row)
    assert tasks.schedule_re_reviews() == 0
    with pytest.raises(InvalidState):
        confirm_version(actor=by_bea, name="fraud", version=1, comment="x")


def test_more_versions_cost_no_more_queries(champion: ModelVersion, new_version: NewVersion) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            due_dates(versions_to_schedule())
        return len(found)

    before = queries()
    for name in ("a", "b"):
        Alias.objects.create(model=champion.model, name=name, version=new_version())
        publish(f"@{name}", re_review_every="5d")
    assert len([row for row in due_dates(versions_to_schedule()).values() if row]) == 3
    assert queries() == before
