"""The filters of lists in /api/v1: each leaves out what it does not name."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from approvals.models.oversight import Finding
from core.actors import Actor
from lineage.models import Quarantine
from tests.approvals.api.test_api import JSON, with_token
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import promote, publish
from tests.approvals.publishing import person
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture

PAST, FUTURE = "2001-01-01T00:00:00Z", "2101-01-01T00:00:00Z"
MATCHING = [
    ("transition-requests", {"requester": "ada", "reviewer": "bea", "state": "applied", "version": "1"}),
    ("transition-requests", {"target": "Production", "since": PAST, "until": FUTURE}),
    ("models", {"q": "fraud", "since": PAST, "until": FUTURE}),
    ("models/fraud/versions", {"stage": "Production", "created_by": "ada", "since": PAST}),
    ("deployments", {"endpoint": "/predict", "model": "fraud", "version": "1", "live": "true", "deployed_by": "ada"}),
    ("findings", {"opened_by": "ada", "version": "1", "origin": "person", "state": "open", "until": FUTURE}),
]
OTHER = [
    ("transition-requests", "requester", "cy"),
    ("transition-requests", "reviewer", "ada"),
    ("transition-requests", "since", FUTURE),
    ("transition-requests", "until", PAST),
    ("transition-requests", "target", "Staging"),
    ("models", "until", PAST),
    ("models/fraud/versions", "stage", "Archived"),
    ("deployments", "live", "false"),
    ("deployments", "since", FUTURE),
    ("findings", "closed_by", "ada"),
    ("findings", "since", FUTURE),
    ("policies/proposals", "reviewer", "ada"),
    ("check-runs", "since", FUTURE),
    ("post-reviews", "requester", "cy"),
    ("lineage/quarantines", "state", "released"),
]


@pytest.fixture
def api(promoted: None, ada: User, acting: Acting) -> Client:
    return with_token(ada, acting)


@pytest.fixture
@recorded_fixture
def promoted(ada: User, acting: Acting, new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    """Version 1 of fraud was promoted and deployed, and has a finding; polly proposes to retire its policy."""
    publish()
    promote(by_ada, by_bea, new_version())
    client = with_token(ada, acting)
    deployed = {"endpoint": "/predict", "model": "fraud", "version": 1}
    assert client.post("/api/v1/deployments", deployed, content_type=JSON).status_code == 201
    finding = {"model": "fraud", "version": 1, "severity": "low", "title": "Drifts"}
    assert client.post("/api/v1/findings", finding, content_type=JSON).status_code == 201
    editor = with_token(person("polly", "policy-editors"), acting)
    retire = {"retire": "fraud-production"}
    assert editor.post("/api/v1/policies/proposals", retire, content_type=JSON).status_code == 201


def rows(client: Client, path: str, query: dict[str, str]) -> list[object]:
    answer = client.get(f"/api/v1/{path}", query)
    assert answer.status_code == 200, answer.content
    return next(value for value in answer.json().values() if isinstance(value, list))


def test_filters_choose(api: Client) -> None:
    assert {path: len(rows(api, path, query)) for path, query in MATCHING} == {path: 1 for path, _ in MATCHING}


def test_filters_leave_out(api: Client) -> None:
    assert Finding.objects.count() == 1
    assert not Quarantine.objects.exists()
    assert [rows(api, path, {name: value}) for path, name, value in OTHER] == [[]] * len(OTHER)
