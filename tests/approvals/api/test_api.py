"""/api/v1 of governance: shapes, refusals, and that lists cost the same however long they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from approvals.models import RequestState, Review, TransitionRequest
from audit.models import Event
from audit.queries import by_actor
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.conftest import Acting

JSON = "application/json"
URL = "/api/v1/transition-requests"
ASK = {"model": "fraud", "version": 1, "target": "Production", "archive_existing": True}


def with_token(user: User, acting: Acting) -> Client:
    secret = issue_token(actor=acting(user), user=user, expires_in=timedelta(hours=1))[1]
    return Client(headers={"Authorization": f"Bearer {secret}"})


@pytest.fixture
def api(ada: User, acting: Acting) -> Client:
    """A client with ada's token."""
    return with_token(ada, acting)


@pytest.fixture
def bea_signed_in(bea: User) -> Client:
    client = Client()
    client.force_login(bea)
    return client


def test_open_and_read(policies: object, new_version: NewVersion, api: Client, run_checks: RunChecks) -> None:
    new_version()
    made = api.post(URL, ASK, content_type=JSON)
    assert made.status_code == 201
    run_checks(TransitionRequest.objects.get())
    found = api.get(f"{URL}/{made.json()['id']}").json()
    assert (found["model"], found["version"], found["state"], found["verdict"]) == ("fraud", 1, "open", "pending")
    assert [item["rule"] for item in found["blocked_by"]] == ["reviewers"]
    assert {row["rule"]: row["status"] for row in found["rules"]}["safe-artifact"] == "passed"
    assert {check["check_code"] for check in found["checks"] if check["evidence"]} >= {"artifact.scan", "card.complete"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {**ASK, "version": "x"},
        {**ASK, "version": 2**70},
        {**ASK, "target": "None"},
        {**ASK, "model": "a\x00b"},
        {**ASK, "archive_existing": "perhaps"},
        {**ASK, "comment": "x" * 10_001},
        {**ASK, "comment": 7.5, "target": []},
    ],
)
def test_bad_bodies(policies: object, new_version: NewVersion, api: Client, body: object) -> None:
    new_version()
    answer = api.post(URL, body, content_type=JSON)
    assert answer.status_code in (400, 404)
    assert answer["Content-Type"].startswith("application/problem+json")
    assert not TransitionRequest.objects.exists()


@pytest.mark.parametrize("number", [0, 999, 2**63, 10**30])
def test_unknown_ids(policies: object, api: Client, number: int) -> None:
    assert api.get(f"{URL}/{number}").status_code == 404
    assert api.post(f"{URL}/{number}/withdraw", {}, content_type=JSON).status_code == 404
    body = {"decision": "reject", "comment": "x"}
    assert api.post(f"{URL}/{number}/reviews", body, content_type=JSON).status_code == 404


def test_a_token_never_approves(ready: TransitionRequest, bea: User, acting: Acting) -> None:
    client = with_token(bea, acting)
    digest = client.get(f"{URL}/{ready.pk}").json()["subject_digest"]
    body = {"decision": "approve", "comment": "Fine.", "seen_digest": digest}
    answer = client.post(f"{URL}/{ready.pk}/reviews", body, content_type=JSON)
    assert answer.status_code == 403
    assert not Review.objects.exists()
    assert Event.objects.filter(by_actor("bea"), outcome="denied").count() == 1


def test_a_person_approves(ready: TransitionRequest, bea_signed_in: Client) -> None:
    digest = bea_signed_in.get(f"{URL}/{ready.pk}").json()["subject_digest"]
    body = {"decision": "approve", "comment": "Fine.", "seen_digest": digest}
    assert bea_signed_in.post(f"{URL}/{ready.pk}/reviews", body, content_type=JSON).status_code == 201
    assert reread(ready).state == RequestState.APPROVED
    reviews = bea_signed_in.get(f"{URL}/{ready.pk}/reviews").json()["reviews"]
    assert [(row["reviewer"], row["decision"]) for row in reviews] == [("bea", "approve")]


def test_a_forged_page_approves_nothing(ready: TransitionRequest, bea: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bea)
    body = {"decision": "reject", "comment": "No."}
    assert client.post(f"{URL}/{ready.pk}/reviews", body, content_type=JSON).status_code == 403
    assert reread(ready).state == RequestState.OPEN


def test_a_stale_view_conflicts(ready: TransitionRequest, bea_signed_in: Client) -> None:
    body = {"decision": "approve", "comment": "Fine.", "seen_digest": "0" * 64}
    assert bea_signed_in.post(f"{URL}/{ready.pk}/reviews", body, content_type=JSON).status_code == 409


def test_withdraw(ready: TransitionRequest, api: Client) -> None:
    answer = api.post(f"{URL}/{ready.pk}/withdraw", {"comment": "Found a bug."}, content_type=JSON).json()
    assert (answer["state"], answer["verdict"], answer["state_reason"]) == ("withdrawn", None, "Found a bug.")
    assert api.post(f"{URL}/{ready.pk}/withdraw", {}, content_type=JSON).status_code == 409


def test_policies(policies: object, api: Client) -> None:
    found = api.get("/api/v1/policies").json()["policies"]
    assert [(row["name"], row["revision"]) for row in found] == [
        ("leaving-production-default", 1),
        ("production-default", 1),
        ("staging-default", 1),
    ]


def test_nothing_without_a_login(ready: TransitionRequest) -> None:
    for url in (URL, f"{URL}/{ready.pk}", "/api/v1/policies"):
        assert Client().get(url).status_code == 401


def test_the_unseen_is_not_listed(ready: TransitionRequest, cy: User, acting: Acting, settings: Settings) -> None:
    settings.DEFAULT_MODEL_LEVEL = ""
    client = with_token(cy, acting)
    assert client.get(URL).json()["transition_requests"] == []
    assert client.get(f"{URL}/{ready.pk}").status_code == 404


def test_filters(ready: TransitionRequest, api: Client) -> None:
    def count(query: str) -> int:
        return len(api.get(f"{URL}?{query}").json()["transition_requests"])

    assert [count("state=live"), count("state=open"), count("state=applied")] == [1, 1, 0]
    assert [count("model=fraud"), count("model=other"), count("offset=1")] == [1, 0, 0]
    assert api.get(f"{URL}?state=bogus").status_code == 400
    assert api.get(f"{URL}?limit=0").status_code == 400


def cost(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as caught:
        act()
    return len(caught)


def test_lists_cost_the_same_however_long(
    policies: object, new_version: NewVersion, ask: Ask, run_checks: RunChecks, api: Client
) -> None:  # fmt: skip
    run_checks(ask(new_version()))
    before = cost(lambda: api.get(URL))
    for _ in range(3):
        run_checks(ask(new_version()))
    assert cost(lambda: api.get(URL)) == before
    assert len(api.get(URL).json()["transition_requests"]) == 4
