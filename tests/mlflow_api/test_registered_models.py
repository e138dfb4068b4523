"""registered-models/*: shapes and errors as the protocol was measured."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from registry.models import RegisteredModel
from tests.mlflow_api.registry_fixtures import MODELS, VERSIONS, Api, ApiOf, api, api_of
from tests.registry.conftest import RUN, NewVersion, _own_store, by_ada, fraud, new_version, run

__all__ = ["_own_store", "api", "api_of", "by_ada", "fraud", "new_version", "run"]


def test_create_and_get(api: Api) -> None:
    tags = [{"key": "team", "value": "risk"}, {"key": "a", "value": ""}]
    made = api.ok("POST", f"{MODELS}/create", name="m", tags=tags, description="d")["registered_model"]
    assert made == api.ok("GET", f"{MODELS}/get", name="m")["registered_model"]
    assert (made["name"], made["description"]) == ("m", "d")
    assert made["tags"] == [{"key": "a", "value": ""}, {"key": "team", "value": "risk"}]
    assert isinstance(made["creation_timestamp"], int)
    assert "latest_versions" not in made


@pytest.mark.parametrize(
    ("method", "path", "fields", "answer"),
    [
        ("POST", "create", {"name": "fraud"}, (400, "RESOURCE_ALREADY_EXISTS")),
        ("POST", "create", {"name": "FRAUD"}, (400, "RESOURCE_ALREADY_EXISTS")),
        ("POST", "create", {}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "create", {"name": "a/b"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "create", {"name": 7}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "create", {"name": "x", "tags": "y"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "get", {"name": "none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("GET", "get", {}, (400, "INVALID_PARAMETER_VALUE")),
        ("PATCH", "update", {"name": "none", "description": "x"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "rename", {"name": "none", "new_name": "x"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "rename", {"name": "fraud"}, (400, "INVALID_PARAMETER_VALUE")),
        ("DELETE", "delete", {"name": "none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "get-latest-versions", {"name": "none"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "get-latest-versions", {"name": "fraud", "stages": ["bogus"]}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "set-tag", {"name": "none", "key": "k", "value": "v"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "set-tag", {"name": "fraud", "key": "../k", "value": "v"}, (400, "INVALID_PARAMETER_VALUE")),
        ("DELETE", "delete-tag", {"name": "none", "key": "k"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("GET", "search", {"max_results": "1001"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"max_results": "0"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"page_token": "!"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"filter": "name = 'a' OR name = 'b'"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"filter": "name IS NULL"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"filter": "color = 'a'"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"order_by": "color"}, (400, "INVALID_PARAMETER_VALUE")),
    ],
)
def test_errors(
    method: str, path: str, fields: dict[str, Any], answer: tuple[int, str], api: Api, fraud: RegisteredModel
) -> None:
    before = Event.objects.count()
    assert api.refused(method, f"{MODELS}/{path}", **fields) == answer
    assert (RegisteredModel.objects.count(), Event.objects.count()) == (1, before)


def test_update_rename_delete(api: Api, fraud: RegisteredModel) -> None:
    assert (
        api.ok("PATCH", f"{MODELS}/update", name="fraud", description="new")["registered_model"]["description"] == "new"
    )
    assert api.ok("POST", f"{MODELS}/rename", name="fraud", new_name="scam")["registered_model"]["name"] == "scam"
    assert api.ok("DELETE", f"{MODELS}/delete", name="scam") == {}
    assert api.refused("GET", f"{MODELS}/get", name="scam") == (404, "RESOURCE_DOES_NOT_EXIST")


def test_tags(api: Api, fraud: RegisteredModel) -> None:
    assert api.ok("POST", f"{MODELS}/set-tag", name="fraud", key="k", value="v") == {}
    assert api.ok("GET", f"{MODELS}/get", name="fraud")["registered_model"]["tags"] == [{"key": "k", "value": "v"}]
    for _ in range(2):
        assert api.ok("DELETE", f"{MODELS}/delete-tag", name="fraud", key="k") == {}


def names(body: dict[str, Any]) -> list[str]:
    return [model["name"] for model in body.get("registered_models", [])]


@pytest.fixture
def many(api: Api) -> Api:
    for name, team in (("alpha", "risk"), ("beta", "risk"), ("Gamma", "core")):
        api.ok("POST", f"{MODELS}/create", name=name, tags=[{"key": "team", "value": team}])
    api.ok("POST", f"{MODELS}/create", name="prompt", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    return api


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({"filter": "name = 'alpha'"}, ["alpha"]),
        ({"filter": "name != 'alpha' and tags.team = 'risk'"}, ["beta"]),
        ({"filter": "name LIKE '%a' AND tags.`team` != 'risk'"}, ["Gamma"]),
        ({"filter": "name ILIKE 'g%'"}, ["Gamma"]),
        ({"filter": "name IN ('alpha', 'beta')", "order_by": "name DESC"}, ["beta", "alpha"]),
        ({"filter": "tags.`mlflow.prompt.is_prompt` = 'true'"}, ["prompt"]),
        ({"filter": "tag.`mlflow.prompt.is_prompt` != 'true'"}, ["Gamma", "alpha", "beta"]),  # as the client asks
        ({"filter": "name != 'beta' AND tag.`mlflow.prompt.is_prompt` != 'true'"}, ["Gamma", "alpha"]),
        ({"filter": "tag.`mlflow.prompt.is_prompt` = 'false'"}, ["Gamma", "alpha", "beta"]),
        ({"filter": "tag.`mlflow.prompt.is_prompt` != 'false'"}, ["prompt"]),
        ({"filter": "name NOT IN ('alpha')"}, ["Gamma", "beta"]),
        ({"filter": "tags.absent != 'x'"}, []),
        ({"filter": "tags.team = 'risk'", "order_by": "last_updated_timestamp DESC"}, ["beta", "alpha"]),
    ],
)
def test_search(search: dict[str, Any], found: list[str], many: Api) -> None:
    answer = names(many.ok("GET", f"{MODELS}/search", **search))
    assert (answer if "order_by" in search else sorted(answer)) == found


def test_search_pages(many: Api) -> None:
    first = many.ok("GET", f"{MODELS}/search", max_results=2)
    second = many.ok("GET", f"{MODELS}/search", max_results=2, page_token=first["next_page_token"])
    assert sorted(names(first) + names(second)) == ["Gamma", "alpha", "beta"]
    assert "next_page_token" not in second
    assert many.ok("GET", f"{MODELS}/search", filter="name = 'nothing'") == {}


def test_the_latest_version_of_each_stage(api: Api, new_version: NewVersion) -> None:
    for _ in range(3):
        new_version()
    for version, stage in (("2", "Production"), ("1", "production")):
        api.ok("POST", f"{VERSIONS}/transition-stage", name="fraud", version=version, stage=stage)
    latest = api.ok("POST", f"{MODELS}/get-latest-versions", name="fraud")["model_versions"]
    assert {version["current_stage"]: version["version"] for version in latest} == {"Production": "1", "None": "3"}
    only = api.ok("GET", f"{MODELS}/get-latest-versions", name="fraud", stages=["production"])["model_versions"]
    assert [version["version"] for version in only] == ["1"]
    assert api.ok("POST", f"{MODELS}/get-latest-versions", name="fraud", stages=["Archived"]) == {}
    assert api.ok("GET", f"{MODELS}/get", name="fraud")["registered_model"]["latest_versions"] == latest


def test_a_longer_search_costs_no_more_queries(api: Api, run: object) -> None:
    def grow(name: str) -> None:
        api.ok("POST", f"{MODELS}/create", name=name, tags=[{"key": "k", "value": "v"}])
        api.ok("POST", f"{VERSIONS}/create", name=name, source=f"runs:/{RUN}/model", run_id=RUN)
        api.ok("POST", f"{MODELS}/alias", name=name, alias="a", version="1")

    grow("one")
    with CaptureQueriesContext(connection) as before:
        api.ok("GET", f"{MODELS}/search")
    grow("two")
    grow("three")
    with CaptureQueriesContext(connection) as after:
        assert len(names(api.ok("GET", f"{MODELS}/search"))) == 3
    assert len(after) == len(before)


def test_the_same_under_ajax_api(api: Api, fraud: RegisteredModel) -> None:
    assert api("GET", f"{MODELS}/get", prefix="/ajax-api/2.0/mlflow/", name="fraud")[0] == 200


def test_what_one_may_not_see(settings: Settings, api: Api, api_of: ApiOf, cy: User, new_version: NewVersion) -> None:
    new_version()
    api.ok("POST", f"{MODELS}/alias", name="fraud", alias="champion", version="1")
    outsider = api_of(cy)
    settings.DEFAULT_MODEL_LEVEL = ""
    assert outsider.ok("GET", f"{MODELS}/search", filter="name LIKE '%'") == {}
    assert outsider.ok("GET", f"{VERSIONS}/search", filter=f"run_id = '{RUN}'") == {}
    for method, path, fields in (
        ("GET", f"{MODELS}/get", {}),
        ("POST", f"{MODELS}/get-latest-versions", {}),
        ("GET", f"{MODELS}/alias", {"alias": "champion"}),
        ("POST", f"{MODELS}/set-tag", {"key": "k", "value": "v"}),
        ("DELETE", f"{MODELS}/delete", {}),
        ("GET", f"{VERSIONS}/get", {"version": "1"}),
        ("GET", f"{VERSIONS}/get-download-uri", {"version": "1"}),
        ("POST", f"{VERSIONS}/transition-stage", {"version": "1", "stage": "Staging"}),
    ):
        status, body = outsider(method, path, name="fraud", **fields)
        _, never = outsider(method, path, name="never", **fields)
        assert status == 404
        assert body["message"].replace("fraud", "never") == never["message"]
    assert names(api.ok("GET", f"{MODELS}/search")) == ["fraud"]
