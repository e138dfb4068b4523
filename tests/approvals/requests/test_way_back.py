"""The way back into Production: what it stands on, and what voids it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import User
from approvals import tasks
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models import RequestState
from approvals.requests.roll_back import roll_back
from approvals.requests.transition import request_transition
from core.actors import Actor
from registry.models import ModelVersion, PackOrder
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, fill_card, reread
from tests.approvals.governed import PRODUCTION, emergency, promote, publish, stage_of
from tests.console.conftest import text_of
from tests.recorded_fixtures import recorded_fixture
from tracking.limits import Point
from tracking.services.logging import log_metric


@pytest.fixture
@recorded_fixture
def two(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> list[ModelVersion]:
    """Version 1 was in Production, version 2 is."""
    publish(break_glass={"groups": ["reviewers"], "second_person": False, "post_review_within": "48h"})
    versions = [new_version(), new_version()]
    for version in versions:
        promote(by_ada, by_bea, version)
    return versions


def back(actor: Actor, run_checks: RunChecks) -> int:
    """Roll back, and return the number of the request."""
    done = roll_back(actor=actor, name="fraud", reason="It drifts.", wait_seconds=0)
    assert done.request is not None
    run_checks(done.request)
    if reread(done.request).state == RequestState.APPROVED:
        tasks.apply_request(done.request.pk)
    return done.request.pk


def test_a_rollback_names_the_approval_it_stands_on(
    two: list[ModelVersion], by_ada: Actor, ada: User, run_checks: RunChecks, client: Client
) -> None:
    promoted = two[0].transition_requests.get(target="Production").pk
    request = back(by_ada, run_checks)
    client.force_login(ada)
    answer = client.get("/api/v1/models/fraud/production").json()
    basis = {"kind": "rollback", "request": request, "earlier_request": promoted}
    assert (answer["version"], answer["approved_by"], answer["approval_basis"]) == (1, "bea", basis)
    pinned = PackOrder.objects.order_by("-pk")[0].pinned["version"]
    assert (pinned["approved_by"], pinned["approval_basis"]) == ("bea", basis)
    page = re.sub(r"<[^>]+>", "", text_of(client.get("/models/fraud/")))
    assert f"by rollback #{request}, approved by bea on request #{promoted}" in re.sub(r"\s+", " ", page)


def test_an_emergency_says_that_it_is_an_exception(
    two: list[ModelVersion], by_bea: Actor, bea: User, new_version: NewVersion, run_checks: RunChecks, client: Client
) -> None:
    request = emergency(by_bea, new_version(), run_checks)
    if reread(request).state == RequestState.APPROVED:
        tasks.apply_request(request.pk)
    client.force_login(bea)
    answer = client.get("/api/v1/models/fraud/production").json()
    assert answer["approval_basis"] == {"kind": "break_glass", "request": request.pk}
    assert "without an approval" in client.get("/models/fraud/").content.decode()


def test_a_card_rewritten_since_voids_the_way_back(two: list[ModelVersion], by_ada: Actor) -> None:
    fill_card(by_ada, two[0], "Another story.")
    [candidate] = rollback_candidates(two[0].model)
    assert "Its card was rewritten" in candidate.obstacle


def test_a_card_measured_anew_does_not(two: list[ModelVersion], by_ada: Actor, run_checks: RunChecks) -> None:
    log_metric(actor=by_ada, run_id=two[0].run_id, point=Point(key="latency", value=7.0, timestamp_ms=9))
    back(by_ada, run_checks)  # asking brings the measured fields of the card up to date
    assert stage_of(1) == PRODUCTION


@pytest.mark.parametrize("governed", [True, False])
def test_it_is_offered_when_nothing_is_in_production(
    request: pytest.FixtureRequest, new_version: NewVersion, by_ada: Actor, ada: User, client: Client, governed: bool
) -> None:
    if governed:
        request.getfixturevalue("two")
    else:
        request_transition(
            actor=by_ada, name="fraud", version=new_version().version, target="Production", archive_existing=False
        )
    current = ModelVersion.objects.get(is_current=True)
    request_transition(
        actor=by_ada, name="fraud", version=current.version, target=Stage.ARCHIVED, archive_existing=False
    )
    client.force_login(ada)
    assert f"Roll back to v{current.version}" in client.get("/models/fraud/").content.decode()
    if not governed:
        roll_back(actor=by_ada, name="fraud", reason="Too early.")
        assert stage_of(1) == PRODUCTION
