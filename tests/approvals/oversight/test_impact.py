"""Impact of data, and the completeness of a version's lineage: what the API tells."""

from __future__ import annotations

import csv
import io
from typing import Any, cast

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from core.actors import Actor
from registry.models import ModelVersion
from registry.services.deployments import register_deployment
from tests.approvals.conftest import TAGS, NewVersion
from tests.recorded_fixtures import recorded_fixture

ORDERS = "/api/v1/datasets/orders/impact"


@pytest.fixture
def client_of_ada(ada: User) -> Client:
    client = Client()
    client.force_login(ada)
    return client


@pytest.fixture
@recorded_fixture
def two(new_version: NewVersion, by_ada: Actor) -> list[ModelVersion]:
    """Two versions from orders v2.1; the first is deployed, whatever its stage."""
    versions = [new_version(), new_version()]
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    return versions


def json_of(client: Client, path: str) -> dict[str, object]:
    response = client.get(path)
    assert response.status_code == 200, response.content
    body: dict[str, object] = response.json() if not response.streaming else _parsed(response)
    return body


def _parsed(response: object) -> dict[str, object]:
    parsed: dict[str, object] = orjson.loads(b"".join(response.streaming_content))  # type: ignore[attr-defined]  # the test client adds it
    return parsed


def test_versions_with_owners_and_live_deployments(two: list[ModelVersion], client_of_ada: Client) -> None:
    body = json_of(client_of_ada, ORDERS)
    assert (body["total_versions"], body["owners"], body["endpoints"]) == (2, ["ada"], ["/predict"])
    first, second = cast("list[dict[str, Any]]", body["model_versions"])
    assert (first["live"], second["live"]) == (True, False)
    assert first["deployments_live"][0]["endpoint"] == "/predict"


def test_some_versions_of_the_dataset(two: list[ModelVersion], client_of_ada: Client) -> None:
    assert json_of(client_of_ada, f"{ORDERS}?versions=v2.1")["total_versions"] == 2
    assert client_of_ada.get(f"{ORDERS}?versions=v9").status_code == 404
    assert client_of_ada.get(f"{ORDERS}?version=v2.1").status_code == 400


@pytest.mark.parametrize("query", ["", "?versions=v2.1"])
def test_a_dataset_that_only_hidden_runs_read_is_not_there(
    query: str, two: list[ModelVersion], cy: User, settings: Settings
) -> None:
    client = Client()
    client.force_login(cy)
    assert client.get(f"{ORDERS}{query}").status_code == 200
    settings.DEFAULT_EXPERIMENT_LEVEL = settings.DEFAULT_MODEL_LEVEL = "none"
    answer = client.get(f"{ORDERS}{query}")
    assert answer.status_code == 404
    never = client.get(f"/api/v1/datasets/absent/impact{query}")
    assert answer.json()["detail"].replace("orders", "absent") == never.json()["detail"]


def test_the_csv_has_a_line_for_each_version(two: list[ModelVersion], client_of_ada: Client) -> None:
    response = client_of_ada.get("/api/v1/lineage/dataset-version:orders/v2.1/impact.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]  # the test client adds it
    assert [(row["model"], row["version"], row["live"]) for row in rows] == [
        ("fraud", "1", "True"),
        ("fraud", "2", "False"),
    ]


def test_more_versions_cost_no_more_queries(
    two: list[ModelVersion], new_version: NewVersion, client_of_ada: Client
) -> None:
    with CaptureQueriesContext(connection) as few:
        json_of(client_of_ada, ORDERS)
    new_version()
    with CaptureQueriesContext(connection) as more:
        json_of(client_of_ada, ORDERS)
    assert len(more) <= len(few)


def test_what_is_known_of_a_version(two: list[ModelVersion], client_of_ada: Client) -> None:
    body = json_of(client_of_ada, "/api/v1/models/fraud/versions/1/completeness")
    known = {part["name"]: part["known"] for part in body["parts"]}  # type: ignore[attr-defined]  # the test client adds it
    assert known == {
        "code": True,
        "data": True,
        "environment": True,
        "params": False,
        "evaluation": True,
        "approval": False,
    }


def test_data_without_a_version_are_not_known(new_version: NewVersion, client_of_ada: Client) -> None:
    new_version(tags=TAGS | {"dataset_version": "orders and users"})
    body = json_of(client_of_ada, "/api/v1/models/fraud/versions/1/completeness")
    (data,) = [part for part in body["parts"] if part["name"] == "data"]  # type: ignore[attr-defined]  # the test client adds it
    assert (data["known"], data["detail"]) == (False, "no version of orders and users")
