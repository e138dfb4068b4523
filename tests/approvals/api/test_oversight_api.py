"""/api/v1 of what is watched after a move: findings, rollbacks, emergencies, re-reviews, and the serving read that
tells.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.models import RequestState, TransitionRequest
from approvals.models.oversight import Finding, PostReview
from core.actors import Actor
from registry.models import Alias, ModelVersion
from registry.production.serving import production_answer
from tests.approvals.api.test_api import JSON, with_token
from tests.approvals.conftest import NewVersion, RunChecks
from tests.approvals.governed import approve, promote, publish, stage_of
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture

FINDINGS = "/api/v1/findings"
FRAUD = "/api/v1/models/fraud"
BODY = {"model": "fraud", "version": 1, "severity": "medium", "title": "Drifts"}


@pytest.fixture
def api(promoted: None, ada: User, acting: Acting) -> Client:
    return with_token(ada, acting)


@pytest.fixture
@recorded_fixture
def promoted(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    """Versions 1 and 2 were promoted one after the other."""
    publish(re_review_every="30d", break_glass={"groups": ["incident"]})
    for version in (new_version(), new_version()):
        promote(by_ada, by_bea, version)


def signed_in(user: User, *groups: str) -> Client:
    user.groups.add(*[Group.objects.get_or_create(name=group)[0] for group in groups])
    client = Client()
    client.force_login(user)
    return client


def test_a_finding_from_opening_to_closing(api: Client, cy: User) -> None:
    made = api.post(FINDINGS, {**BODY, "owner": "cy"}, content_type=JSON)
    assert (made.status_code, made.json()["state"], made.json()["owner"]) == (201, "open", "cy")
    one = f"{FINDINGS}/{made.json()['id']}"
    due = (timezone.now() - timedelta(minutes=1)).isoformat()
    assert api.post(f"{one}/assign", {"owner": "ada", "due_at": due}, content_type=JSON).json()["owner"] == "ada"
    tasks.flag_overdue()
    assert [row["is_overdue"] for row in api.get(FINDINGS, {"state": "overdue"}).json()["findings"]] == [True]
    said = {"state": "resolved", "comment": "Trained again."}
    assert api.post(f"{one}/close", said, content_type=JSON).json()["closed_by"] == "ada"
    assert api.post(f"{one}/close", said, content_type=JSON).status_code == 409
    assert api.get(FINDINGS, {"state": "open"}).json()["findings"] == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"severity": "awful"}, 400),
        ({"title": ""}, 400),
        ({"version": 0}, 400),
        ({"version": 99}, 404),
        ({"model": "none"}, 404),
        ({"owner": "nobody"}, 400),
        ({"due_at": "soon"}, 400),
        ({"title": "a\x00b"}, 400),
    ],
)
def test_bad_findings(more: dict[str, Any], status: int, api: Client) -> None:
    assert api.post(FINDINGS, {**BODY, **more}, content_type=JSON).status_code == status
    assert not Finding.objects.exists()


def test_more_findings_cost_no_more_queries(api: Client) -> None:
    counts = []
    for _ in range(2):
        for version in (1, 2, None):
            api.post(FINDINGS, {**BODY, "version": version}, content_type=JSON)
        with CaptureQueriesContext(connection) as seen:
            assert api.get(FINDINGS).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_one_call_rolls_back(api: Client, run_checks: RunChecks) -> None:
    answer = api.post(f"{FRAUD}/rollback", {"reason": "Drift."}, content_type=JSON)
    found = answer.json()["transition_request"]
    assert (answer.status_code, found["kind"], found["target"]) == (200, "rollback", "Production")
    request = TransitionRequest.objects.get(pk=found["id"])
    run_checks(request)
    tasks.apply_request(request.pk)
    assert stage_of(1) == ("Production", True)
    assert api.post(f"{FRAUD}/rollback", {"reason": ""}, content_type=JSON).status_code == 400
    assert api.post(f"{FRAUD}/rollback", {"reason": "x", "target": "Mars"}, content_type=JSON).status_code in {400, 409}


def test_an_emergency_over_the_wire(api: Client, cy: User, bea: User, ops: User, run_checks: RunChecks) -> None:
    body = {"reason": "Fire.", "target": "Production"}
    url = f"{FRAUD}/versions/1/break-glass"
    assert api.post(url, body, content_type=JSON).status_code == 403
    made = signed_in(cy, "incident").post(url, body, content_type=JSON)
    assert (made.status_code, made.json()["kind"]) == (201, "break_glass")
    request = TransitionRequest.objects.get(pk=made.json()["id"])
    run_checks(request)
    review = {
        "decision": "approve",
        "comment": "Go.",
        "seen_digest": TransitionRequest.objects.get(pk=request.pk).subject_digest,
    }
    second = signed_in(ops, "incident")
    assert (
        second.post(f"/api/v1/transition-requests/{request.pk}/reviews", review, content_type=JSON).status_code == 201
    )
    tasks.apply_request(request.pk)
    owed = api.get("/api/v1/post-reviews", {"state": "open"}).json()["post_reviews"]
    assert [(row["version"], row["requester"], row["outcome"]) for row in owed] == [(1, "cy", "")]
    done = f"/api/v1/post-reviews/{owed[0]['id']}/complete"
    said = {"outcome": "justified", "comment": "It burned."}
    assert api.post(done, said, content_type=JSON).status_code == 403
    assert second.post(done, said, content_type=JSON).status_code == 403
    assert signed_in(bea).post(done, said, content_type=JSON).json()["completed_by"] == "bea"
    assert PostReview.objects.get().outcome == "justified"


def test_a_re_review_over_the_wire_and_the_serving_read(api: Client, bea: User, ada: User, acting: Acting) -> None:
    header = str(api.defaults["HTTP_AUTHORIZATION"])
    before = api.get(f"{FRAUD}/production")
    assert (before.json()["review_overdue"], before.json()["review_due_at"][-1]) == (False, "Z")
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        fresh = with_token(ada, acting)
        late = fresh.get(f"{FRAUD}/production", headers={"If-None-Match": before["ETag"]})
        assert (late.status_code, late.json()["review_overdue"], late.json()["version"]) == (200, True, 2)
        said = {"comment": "Still good."}
        url = f"{FRAUD}/versions/2/re-reviews"
        assert fresh.post(url, said, content_type=JSON).status_code == 403
        assert signed_in(bea).post(url, said, content_type=JSON).status_code == 201
        assert fresh.get(f"{FRAUD}/production").json()["review_overdue"] is False
        assert len(fresh.get(url).json()["re_reviews"]) == 1
    quick = production_answer("fraud", header, "")
    assert quick is not None
    assert b'"review_overdue":false' in quick.body


def test_aliases_over_the_wire(api: Client, by_bea: Actor, ops: User, acting: Acting) -> None:
    publish("@champion")
    url = f"{FRAUD}/aliases/champion"
    refused = api.put(url, {"version": 2, "comment": "Better."}, content_type=JSON)
    assert refused.status_code == 403
    assert [row["rule"] for row in refused.json()["blocked_by"]] == ["reviewers"]
    approve(by_bea, TransitionRequest.objects.get(pk=refused.json()["request_id"]))
    assert api.put(url, {"version": 2}, content_type=JSON).status_code == 200
    assert api.get(url).json()["version"] == 2
    assert TransitionRequest.objects.latest("pk").state == RequestState.APPLIED
    assert with_token(ops, acting).delete(url).status_code == 204
    assert not Alias.objects.exists()
    assert api.put(f"{FRAUD}/aliases/latest", {"version": 2}, content_type=JSON).status_code == 400
    assert api.get(url).status_code == 404


def test_two_requests_for_another_time_are_not_one(api: Client, new_version: NewVersion) -> None:
    new_version()
    later = timezone.now() + timedelta(days=2)
    body = {"model": "fraud", "version": 3, "target": "Production", "apply_after": later.isoformat()}
    assert api.post("/api/v1/transition-requests", body, content_type=JSON).json()["apply_after"]
    other = {**body, "apply_after": (later + timedelta(days=1)).isoformat()}
    assert api.post("/api/v1/transition-requests", other, content_type=JSON).status_code == 409
    assert ModelVersion.objects.get(version=3).stage == "None"
