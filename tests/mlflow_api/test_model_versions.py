"""model-versions/*: shapes and errors as the protocol was measured."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from registry.models import ModelVersion, RegisteredModel
from tests.mlflow_api.registry_fixtures import MODELS, VERSIONS, Api, api, api_of
from tests.registry.conftest import ROOT, RUN, NewVersion, _own_store, by_ada, fraud, new_version, run
from tracking.models import Run

__all__ = ["_own_store", "api", "api_of", "by_ada", "fraud", "new_version", "run"]


def test_create_get_and_download(api: Api, fraud: RegisteredModel, run: Run) -> None:
    fields = {"source": f"runs:/{RUN}/model", "run_id": RUN, "tags": [{"key": "k", "value": "v"}], "description": "d"}
    made = api.ok("POST", f"{VERSIONS}/create", name="fraud", **fields)["model_version"]
    assert made == api.ok("GET", f"{VERSIONS}/get", name="fraud", version="1")["model_version"]
    expected = {"version": "1", "current_stage": "None", "status": "READY", "run_link": "", "description": "d"}
    assert {key: made[key] for key in expected} == expected
    assert made["tags"] == [{"key": "k", "value": "v"}]
    uri = api.ok("GET", f"{VERSIONS}/get-download-uri", name="fraud", version="1")
    assert uri == {"artifact_uri": f"mlflow-artifacts:/{ROOT}/model"}


@pytest.mark.parametrize(
    ("method", "path", "fields", "answer"),
    [
        ("POST", "create", {"name": "missing", "source": "runs:/x/y"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "create", {"source": "file:///etc"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "create", {"source": ""}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "create", {"source": f"runs:/{RUN}/model", "run_id": "nope"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        (
            "POST",
            "create",
            {"source": f"runs:/{RUN}/m", "run_id": RUN, "tags": [{"key": "a//b"}]},
            (400, "INVALID_PARAMETER_VALUE"),
        ),
        ("GET", "get", {"version": "99"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("GET", "get", {"version": "abc"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "get", {"version": "9" * 30}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "get", {}, (400, "INVALID_PARAMETER_VALUE")),
        ("PATCH", "update", {"version": "99", "description": "x"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("DELETE", "delete", {"version": "99"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("GET", "get-download-uri", {"version": "99"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "set-tag", {"version": "1", "key": "", "value": "v"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "set-tag", {"version": "99", "key": "k", "value": "v"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "transition-stage", {"version": "77", "stage": "Staging"}, (404, "RESOURCE_DOES_NOT_EXIST")),
        ("POST", "transition-stage", {"version": "1", "stage": "Canary"}, (400, "INVALID_PARAMETER_VALUE")),
        ("POST", "transition-stage", {"version": "1"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"max_results": "200001"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"filter": "stage > 'None'"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"filter": "version_number = 'x'"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"filter": "name = fraud"}, (400, "INVALID_PARAMETER_VALUE")),
        ("GET", "search", {"order_by": "name SIDEWAYS"}, (400, "INVALID_PARAMETER_VALUE")),
    ],
)
def test_errors(
    method: str, path: str, fields: dict[str, Any], answer: tuple[int, str], api: Api, new_version: NewVersion
) -> None:
    new_version()
    before = Event.objects.count()
    assert api.refused(method, f"{VERSIONS}/{path}", **{"name": "fraud", **fields}) == answer
    assert (ModelVersion.objects.count(), Event.objects.count()) == (1, before)


TRAVERSALS = [
    "file:///etc", "//proc/self/root", "/etc/", "file://localhost/etc", "file:\\..\\..\\etc", "s3a://b/x/../../",
    "http://h/api/2.0/mlflow-artifacts/artifacts/../../../", "mlflow-artifacts://h:9/models/..%2f..%2f", "ftp://h/x",
    "dbfs:/<run>/artifacts/a%3f/../../../../", "http:///#/../../../../etc/", "http://127.0.0.1:1/", "s3:/b/../../o",
]  # fmt: skip


@pytest.mark.parametrize("prompt", [True, False])
@pytest.mark.parametrize("source", TRAVERSALS)
def test_no_source_leads_outside_not_even_as_a_prompt(
    source: str, prompt: bool, api: Api, run: Run, fraud: RegisteredModel
) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}] if prompt else []
    for prefix in ("/api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"):
        status, _ = api("POST", f"{VERSIONS}/create", prefix=prefix, name="fraud", source=source, run_id=RUN, tags=tags)
        assert status == 400
    assert not ModelVersion.objects.exists()


PROMPT = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]


def test_a_version_of_a_prompt_is_its_text(api: Api) -> None:
    api.ok("POST", f"{MODELS}/create", name="hello", tags=PROMPT)
    text = {"key": "mlflow.prompt.text", "value": "Hello {{name}}!"}
    api.ok("POST", f"{VERSIONS}/create", name="hello", source="dummy-source", tags=[*PROMPT, text])
    found = api.ok("GET", f"{VERSIONS}/get", name="hello", version="1")["model_version"]
    assert found["source"] == "dummy-source"
    assert text in found["tags"]


@pytest.mark.parametrize(("of_model", "of_version"), [(True, False), (False, True), (False, False)])
def test_a_model_has_no_versions_without_files_for_a_tag(api: Api, of_model: bool, of_version: bool) -> None:
    api.ok("POST", f"{MODELS}/create", name="hello", tags=PROMPT if of_model else [])
    tags = PROMPT if of_version else []
    status, error = api("POST", f"{VERSIONS}/create", name="hello", source="dummy-source", tags=tags)
    assert (status, error["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_update_tag_delete(api: Api, new_version: NewVersion) -> None:
    new_version()
    key = {"name": "fraud", "version": "1"}
    assert api.ok("PATCH", f"{VERSIONS}/update", **key, description="new")["model_version"]["description"] == "new"
    assert api.ok("POST", f"{VERSIONS}/set-tag", **key, key="k", value="v") == {}
    assert api.ok("GET", f"{VERSIONS}/get", **key)["model_version"]["tags"] == [{"key": "k", "value": "v"}]
    assert api.ok("DELETE", f"{VERSIONS}/delete-tag", **key, key="k") == {}
    assert api.ok("DELETE", f"{VERSIONS}/delete", **key) == {}
    assert api.refused("GET", f"{VERSIONS}/get", **key) == (404, "RESOURCE_DOES_NOT_EXIST")


def numbers(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(version["name"], version["version"]) for version in body.get("model_versions", [])]


@pytest.fixture
def many(api: Api, new_version: NewVersion) -> Api:
    for _ in range(3):
        new_version()
    api.ok("POST", f"{MODELS}/create", name="churn")
    api.ok("POST", f"{VERSIONS}/create", name="churn", source=f"runs:/{RUN}/other", run_id=RUN)
    api.ok("POST", f"{VERSIONS}/set-tag", name="fraud", version="2", key="k", value="v")
    api.ok("POST", f"{MODELS}/create", name="greeting", tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}])
    api.ok("POST", f"{VERSIONS}/create", name="greeting", source=f"runs:/{RUN}/text", run_id=RUN)
    return api


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ({}, [("churn", "1"), ("fraud", "3"), ("fraud", "2"), ("fraud", "1")]),
        ({"filter": f"run_id = '{RUN}' and name = 'churn'"}, [("churn", "1")]),
        ({"filter": f"run_id IN ('{RUN}', 'x') AND version_number > 2"}, [("fraud", "3")]),
        ({"filter": "tag.`mlflow.prompt.is_prompt` != 'true' AND name = 'churn'"}, [("churn", "1")]),
        ({"filter": "source_path LIKE '%/other'"}, [("churn", "1")]),
        ({"filter": "tags.k = 'v'"}, [("fraud", "2")]),
        ({"filter": "tags.k != 'w' AND name ILIKE 'FRAUD'"}, [("fraud", "2")]),
        (
            {"filter": "name = 'fraud'", "order_by": "version_number ASC"},
            [("fraud", "1"), ("fraud", "2"), ("fraud", "3")],
        ),
        ({"filter": "name = 'nothing'"}, []),
    ],
)
def test_search(search: dict[str, Any], found: list[tuple[str, str]], many: Api) -> None:
    assert numbers(many.ok("GET", f"{VERSIONS}/search", **search)) == found


def test_search_pages(many: Api) -> None:
    first = many.ok("GET", f"{VERSIONS}/search", max_results=3)
    second = many.ok("GET", f"{VERSIONS}/search", max_results=3, page_token=first["next_page_token"])
    assert len({*numbers(first), *numbers(second)}) == 4
    assert "next_page_token" not in second


def test_a_longer_search_costs_no_more_queries(api: Api, new_version: NewVersion) -> None:
    new_version()
    with CaptureQueriesContext(connection) as before:
        api.ok("GET", f"{VERSIONS}/search")
    for number in (2, 3, 4):
        new_version()
        api.ok("POST", f"{VERSIONS}/set-tag", name="fraud", version=str(number), key="k", value="v")
    with CaptureQueriesContext(connection) as after:
        assert len(numbers(api.ok("GET", f"{VERSIONS}/search"))) == 4
    assert len(after) == len(before)
