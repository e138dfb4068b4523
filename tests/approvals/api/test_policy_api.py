"""/api/v1/policies: JSON and YAML, permissions, and lists that cost the same however long they are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import TransitionRequest
from policies.defaults import DEFAULT_POLICIES
from policies.models import PolicyProposal, PolicyRevision
from policies.yaml_text import parse_yaml, write_policy
from tests.approvals.api.test_api import with_token
from tests.approvals.publishing import person
from tests.conftest import Acting

JSON = "application/json"
URL = "/api/v1/policies"
CHANGED: dict[str, Any] = {**DEFAULT_POLICIES[1], "options": {"expires_after": "7d"}}


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def editor(policies: object, acting: Acting) -> Client:
    """A client with the token of polly, who proposes."""
    return with_token(person("polly", "policy-editors"), acting)


@pytest.fixture
def reviewer(db: None) -> Client:
    return signed_in(person("quinn", "policy-reviewers"))


def test_a_policy_as_json_and_as_yaml(editor: Client) -> None:
    found = editor.get(f"{URL}/production-default").json()
    assert (found["revision"], found["in_force"], found["body"]) == (1, True, DEFAULT_POLICIES[1])
    for answer in (
        editor.get(f"{URL}/production-default?format=yaml"),
        editor.get(f"{URL}/production-default", headers={"Accept": "application/yaml"}),
    ):
        assert answer.headers["Content-Type"].startswith("application/yaml")
        assert parse_yaml(answer.content.decode()) == DEFAULT_POLICIES[1]


@pytest.mark.parametrize(
    "path", ["/nope", "/nope?format=yaml", "/production-default?revision=9", "/production-default?revision=0"]
)
def test_a_missing_policy_is_a_problem_document(editor: Client, path: str) -> None:
    answer = editor.get(f"{URL}{path}")
    assert answer.status_code in {400, 404}
    assert json.loads(answer.content)["status"] == answer.status_code


def test_propose_and_approve(editor: Client, reviewer: Client) -> None:
    made = editor.post(f"{URL}/proposals", {"policy": CHANGED, "comment": "A week."}, content_type=JSON)
    assert made.status_code == 201, made.content
    found = made.json()
    assert (found["state"], found["base_revision"], found["possible_reviewers"]) == ("open", 1, ["quinn"])
    said = {"comment": "Agreed.", "seen_digest": found["digest"]}
    done = reviewer.post(f"{URL}/proposals/{found['id']}/approve", said, content_type=JSON)
    assert (done.status_code, done.json()["state"], done.json()["published_revision"]) == (200, "published", 2)
    assert {row["name"]: row["revision"] for row in editor.get(URL).json()["policies"]}["production-default"] == 2


def test_propose_in_yaml(editor: Client) -> None:
    made = editor.post(f"{URL}/proposals?comment=Why", write_policy(CHANGED), content_type="application/yaml")
    assert made.status_code == 201, made.content
    assert (made.json()["comment"], made.json()["body"]) == ("Why", CHANGED)
    assert "policy-reviewers" in made.json()["advice"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("name: x", "line 1"),
        ("name: [", "not valid YAML"),
        (b"\xff\xfe\xfa", "not UTF-8"),
        ("name: x\nname: y", "twice"),
        ("rules: " + "x" * 200_000, "128 KiB"),
    ],
)
def test_problems_of_yaml_have_their_lines(editor: Client, body: str | bytes, says: str) -> None:
    answer = editor.post(f"{URL}/proposals", body, content_type="application/yaml")
    assert answer.status_code in {400, 413}
    assert says in answer.json()["detail"]
    assert not PolicyProposal.objects.exists()


@pytest.mark.parametrize(
    "body",
    [{}, {"policy": 7}, {"policy": CHANGED, "retire": "x"}, {"policy": {}}, {"policy": "name: x"}, {"retire": "\x00"}],
)
def test_bad_proposals_are_refused(editor: Client, body: dict[str, Any]) -> None:
    answer = editor.post(f"{URL}/proposals", body, content_type=JSON)
    assert answer.status_code in {400, 404}, answer.content
    assert not PolicyProposal.objects.exists()


def test_a_superuser_cannot_publish_directly(policies: object, ops: User, acting: Acting) -> None:
    client = with_token(ops, acting)
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(URL, CHANGED, content_type=JSON).status_code == 405
        assert getattr(client, method)(f"{URL}/production-default", CHANGED, content_type=JSON).status_code == 405
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_no_token_approves(editor: Client, acting: Acting) -> None:
    made = editor.post(f"{URL}/proposals", {"policy": CHANGED}, content_type=JSON).json()
    client = with_token(person("quinn", "policy-reviewers"), acting)
    said = {"comment": "x", "seen_digest": made["digest"]}
    assert client.post(f"{URL}/proposals/{made['id']}/approve", said, content_type=JSON).status_code == 403
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_reject_and_withdraw(editor: Client, reviewer: Client) -> None:
    first, second = (
        editor.post(f"{URL}/proposals", {"policy": {**CHANGED, "description": words}}, content_type=JSON).json()["id"]
        for words in ("a", "b")
    )
    rejected = reviewer.post(f"{URL}/proposals/{first}/reject", {"comment": "No."}, content_type=JSON)
    withdrawn = editor.post(f"{URL}/proposals/{second}/withdraw", {}, content_type=JSON)
    assert (rejected.json()["state"], withdrawn.json()["state"]) == ("rejected", "withdrawn")
    listed = editor.get(f"{URL}/proposals?state=rejected").json()["proposals"]
    assert [row["id"] for row in listed] == [first]


def test_propose_to_retire(editor: Client) -> None:
    made = editor.post(f"{URL}/proposals", {"retire": "staging-default"}, content_type=JSON).json()
    assert (made["kind"], made["policy"]) == ("retire", "staging-default")


def test_others_may_read_but_not_propose(policies: object, cy: User, acting: Acting) -> None:
    client = with_token(cy, acting)
    assert client.get(f"{URL}/proposals").json() == {"proposals": [], "next_offset": None}
    assert client.post(f"{URL}/proposals", {"policy": CHANGED}, content_type=JSON).status_code == 403


def test_the_schema_is_published(editor: Client) -> None:
    assert editor.get(f"{URL}/schema").json()["title"] == "Custody policy"


def test_dry_run_and_replay(ready: TransitionRequest, editor: Client) -> None:
    asked = {"policy": write_policy(CHANGED), "model": "fraud", "version": 1}
    found = editor.post(f"{URL}/dry-run", asked, content_type=JSON).json()
    assert (found["verdict"], found["governs"]) == ("pending", True)
    assert {row["rule"]: row["status"] for row in found["rules"]}["digest"] == "passed"
    past = editor.post(f"{URL}/replay", {"policy": CHANGED}, content_type=JSON).json()
    assert (past["totals"]["same"], past["requests"][0]["id"]) == (1, ready.pk)
    for path in ("dry-run", "replay"):
        assert (
            editor.post(f"{URL}/{path}", {"policy": 7, "model": "x", "version": 1}, content_type=JSON).status_code
            == 400
        )


def test_more_proposals_cost_no_more_queries(editor: Client) -> None:
    counts = []
    for number in range(2):
        for part in "ab":
            body = {**CHANGED, "description": f"{number}{part}"}
            editor.post(f"{URL}/proposals", {"policy": body}, content_type=JSON)
        with CaptureQueriesContext(connection) as found:
            assert len(editor.get(f"{URL}/proposals").json()["proposals"]) == 2 * number + 2
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_another_group_gives_no_right_to_propose(policies: object, cy: User, acting: Acting) -> None:
    cy.groups.add(Group.objects.create(name="policy_editors"))
    answer = with_token(cy, acting).post(f"{URL}/proposals", {"policy": CHANGED}, content_type=JSON)
    assert answer.status_code == 403
