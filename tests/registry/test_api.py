"""/api/v1 of the registry: shapes, refusals, and that lists cost the same however long they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from accounts.services import issue_token
from core.actors import Actor
from registry.models import CardRevision, Deployment
from registry.services.models import create_model, set_model_tag
from registry.services.versions import create_version, set_version_tag
from tests.conftest import Acting
from tests.registry.conftest import RUN, NewVersion

JSON = "application/json"


@pytest.fixture
def api(client: Client, ada: User, acting: Acting) -> Client:
    """A client with ada's token."""
    secret = issue_token(actor=acting(ada), user=ada, expires_in=timedelta(hours=1))[1]
    client.defaults["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
    return client


def test_models_by_name(api: Client, by_ada: Actor) -> None:
    for name in ("fraud", "churn", "fraud-eu"):
        create_model(actor=by_ada, name=name)
    assert [model["name"] for model in api.get("/api/v1/models").json()["models"]] == ["churn", "fraud", "fraud-eu"]
    first = api.get("/api/v1/models?q=FRAUD&limit=1").json()
    assert ([model["name"] for model in first["models"]], first["next_offset"]) == (["fraud"], 1)
    rest = api.get("/api/v1/models?q=fraud&limit=1&offset=1").json()
    assert (rest["models"][0]["name"], rest["next_offset"]) == ("fraud-eu", None)


@pytest.mark.parametrize(
    "query", [{"limit": "x"}, {"limit": 0}, {"limit": 501}, {"offset": -1}, {"offset": 2**70}, {"q": "a\x00"}]
)
def test_a_bad_page_is_refused(query: dict[str, Any], api: Client) -> None:
    answer = api.get("/api/v1/models", query)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")


def test_a_model_and_its_versions(api: Client, by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    set_version_tag(actor=by_ada, name="fraud", version=1, key="a", value="b")
    assert api.get("/api/v1/models/fraud").json()["latest_versions"] == {"None": 1}
    (listed,) = api.get("/api/v1/models/fraud/versions").json()["versions"]
    assert listed == api.get("/api/v1/models/fraud/versions/1").json()
    assert (listed["digest"], listed["tags"], listed["superseded_by"]) == (version.artifact_digest, {"a": "b"}, None)


@pytest.mark.parametrize(
    "path",
    [
        "never",
        "never/versions",
        "fraud/versions/9",
        "fraud/versions/9/card",
        f"fraud/versions/{2**70}",
        "never/production",
    ],
)
def test_missing(path: str, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.get(f"/api/v1/models/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_the_card(api: Client, new_version: NewVersion) -> None:
    new_version()
    url = "/api/v1/models/fraud/versions/1/card"
    assert api.get(url).json()["number"] == 1
    edit = {"fields": {"limitations": "Few examples."}, "expected_number": 1}
    after = api.put(url, edit, JSON).json()
    assert (after["number"], after["body"]["limitations"]["value"]) == (2, "Few examples.")
    assert "limitations" not in after["missing"]
    assert api.put(url, edit | {"fields": {"limitations": "x y"}}, JSON).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {}, {"fields": {}}, {"fields": [], "expected_number": 1}, {"fields": {"metrics": "x"}, "expected_number": 1},
        {"fields": {"limitations": ["x"]}, "expected_number": 1}, {"fields": {}, "expected_number": "x"},
        {"fields": {"limitations": "a\x00b"}, "expected_number": 1}, "{", [1], {"fields": {"x": "y"}, "expected_number": 2**70},
    ],
)  # fmt: skip
def test_a_bad_edit_writes_nothing(body: Any, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.put("/api/v1/models/fraud/versions/1/card", body, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert CardRevision.objects.count() == 1


DEPLOY = {"endpoint": "/predict", "model": "fraud", "version": 1, "revision": "v2.1", "environment": "eu"}


def test_deployments(api: Client, new_version: NewVersion) -> None:
    new_version()
    made = api.post("/api/v1/deployments", DEPLOY, JSON)
    assert (made.status_code, made.json()["number"]) == (201, 1)
    again = api.post("/api/v1/deployments", DEPLOY | {"version": "1"}, JSON).json()
    listed = api.get("/api/v1/deployments", {"endpoint": "/predict", "live": "true"}).json()["deployments"]
    assert listed == [again]
    assert api.get(f"/api/v1/deployments/{again['id']}").json() == again
    assert api.post(f"/api/v1/deployments/{again['id']}/end", content_type=JSON).json()["ended_at"] is not None
    assert api.get("/api/v1/deployments", {"endpoint": "/predict", "live": "true"}).json()["deployments"] == []


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"endpoint": "a b"}, 400), ({"endpoint": None}, 400), ({"version": "x"}, 400), ({"version": True}, 400),
        ({"version": "production"}, 404), ({"version": 9}, 404), ({"version": 2**63}, 404), ({"version": 2**70}, 400), ({"model": "never"}, 404),
        ({"traffic_percent": 101}, 400), ({"traffic_percent": "x"}, 400), ({"model": {"a": 1}}, 400),
    ],
)  # fmt: skip
def test_a_bad_deployment_is_none(change: dict[str, Any], status: int, api: Client, new_version: NewVersion) -> None:
    new_version()
    answer = api.post("/api/v1/deployments", DEPLOY | change, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert not Deployment.objects.exists()


def test_a_missing_deployment(api: Client) -> None:
    for number in (1, 2**80):
        assert api.get(f"/api/v1/deployments/{number}").status_code == 404
        assert api.post(f"/api/v1/deployments/{number}/end", content_type=JSON).status_code == 404


@pytest.mark.parametrize("url", ["/api/v1/models", "/api/v1/models/fraud/versions", "/api/v1/deployments"])
def test_a_longer_list_costs_no_more_queries(url: str, api: Client, by_ada: Actor, new_version: NewVersion) -> None:
    def grow(name: str) -> None:
        version = new_version()
        set_version_tag(actor=by_ada, name="fraud", version=version.version, key="k", value="v")
        create_model(actor=by_ada, name=name)
        set_model_tag(actor=by_ada, name=name, key="k", value="v")
        create_version(actor=by_ada, name=name, source=f"runs:/{RUN}/model", run_id=RUN)
        api.post("/api/v1/deployments", DEPLOY | {"model": name, "traffic_percent": 5}, JSON)

    grow("one")
    with CaptureQueriesContext(connection) as before:
        short = api.get(url).json()
    for name in ("two", "three", "four"):
        grow(name)
    with CaptureQueriesContext(connection) as after:
        long = api.get(url).json()
    assert len(str(long)) > len(str(short))
    assert len(after) == len(before)


def test_what_one_may_not_see_is_in_no_list(
    settings: Settings, client: Client, cy: User, acting: Acting, new_version: NewVersion, api: Client
) -> None:
    new_version()
    api.post("/api/v1/deployments", DEPLOY, JSON)
    settings.DEFAULT_MODEL_LEVEL = ""
    secret = issue_token(actor=acting(cy), user=cy, expires_in=timedelta(hours=1))[1]
    for url, key in (("models", "models"), ("deployments", "deployments")):
        answer = client.get(f"/api/v1/{url}", headers={"Authorization": f"Bearer {secret}"})
        assert answer.json()[key] == []
