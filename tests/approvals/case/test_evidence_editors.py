"""Whoever logged to the run does not count as an approver, whenever they logged."""

from __future__ import annotations

import pytest

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import Review, TransitionRequest
from approvals.requests.review import decide_request
from core.actors import Actor
from core.errors import Denied
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import approve, ask, publish
from tests.signed_in import actor_of
from tracking.limits import Point
from tracking.services.logging import log_metric

BETTER = Point(key="val_f1", value=0.99, timestamp_ms=2)


def verdict_of(request: TransitionRequest) -> list[str]:
    return [str(blocker["rule"]) for blocker in load_case(reread(request)).verdict.blocked_by()]


def test_a_reviewer_who_logged_to_it_does_not_approve(by_ada: Actor, by_bea: Actor, new_version: NewVersion) -> None:
    publish("Production")
    version = new_version()
    request = ask(by_ada, version)
    log_metric(actor=by_bea, run_id=version.run_id, point=BETTER)
    with pytest.raises(Denied, match="they are its run user"):
        decide_request(actor=by_bea, request_id=request.pk, decision="approve", comment="So.", seen_digest="x")
    assert not Review.objects.exists()


def test_an_approval_stops_counting_when_the_reviewer_logs(
    by_ada: Actor, by_bea: Actor, new_version: NewVersion
) -> None:
    publish("Production", apply_delay="1h")
    version = new_version()
    request = approve(by_bea, ask(by_ada, version))
    assert "reviewers" not in verdict_of(request)
    log_metric(actor=by_bea, run_id=version.run_id, point=BETTER)
    assert "reviewers" in verdict_of(request)


def test_the_owner_of_the_account_that_logged_is_excluded_too(
    by_ada: Actor, bea: User, bot: User, new_version: NewVersion
) -> None:
    publish("Production")
    User.objects.filter(pk=bot.pk).update(owner=bea)
    version = new_version()
    log_metric(actor=actor_of(bot), run_id=version.run_id, point=BETTER)
    request = ask(by_ada, version)
    with pytest.raises(Denied):
        approve(actor_of(bea), request)
    assert not Review.objects.exists()
