"""/api/v1/lineage as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from core.actors import Actor
from lineage.models import Edge
from lineage.services import record_consumed, record_deployment, record_produced
from tests.conftest import Acting

BASE = "/api/v1/lineage"


@pytest.fixture
def api(ada: User, acting: Acting) -> Client:
    """Return ada's client over the graph orders/v2.1 → r1 → clf/1 → /predict."""
    actor = acting(ada)
    record_consumed(actor=actor, run_id="r1", dataset="orders", version="v2.1", digest="d1", role="train")
    record_produced(actor=actor, run_id="r1", model="clf", version=1)
    record_deployment(actor=actor, endpoint="/predict", number=1, revision="v1", model="clf", version=1)
    client = Client()
    client.force_login(ada)
    return client


def nobody_sees_models(actor: Actor, names: frozenset[str]) -> frozenset[str]:
    return frozenset()


def everybody_sees_models(actor: Actor, names: frozenset[str]) -> frozenset[str]:
    return names


@pytest.fixture(autouse=True)
def _visibility(settings: Settings) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.everybody_sees_models"]


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(f"{BASE}/{path}", body, content_type="application/json")


def test_ancestors_of_an_endpoint(api: Client) -> None:
    answer = api.get(f"{BASE}/endpoint:/predict/ancestors").json()
    assert (answer["root"], answer["truncated"], answer["total_seen"]) == ("endpoint:/predict", False, 5)
    assert [(node["depth"], node["urn"]) for node in answer["nodes"]] == [
        (0, "endpoint:/predict"),
        (1, "deployment:/predict@1"),
        (2, "model-version:clf/1"),
        (3, "run:r1"),
        (4, "dataset-version:orders/v2.1"),
    ]
    assert answer["nodes"][-1]["digest"] == "d1"
    consumed = next(edge for edge in answer["edges"] if edge["relation"] == "CONSUMED")
    assert (consumed["source"], consumed["target"], consumed["role"]) == (
        "dataset-version:orders/v2.1",
        "run:r1",
        "train",
    )


def test_descendants_of_one_kind(api: Client) -> None:
    answer = api.get(f"{BASE}/dataset-version:orders/v2.1/descendants?kind=model_version").json()
    assert [node["urn"] for node in answer["nodes"]] == ["dataset-version:orders/v2.1", "model-version:clf/1"]
    assert answer["edges"] == []


def test_a_cut_answer_says_so(api: Client) -> None:
    answer = api.get(f"{BASE}/endpoint:/predict/ancestors?max_nodes=2").json()
    assert (len(answer["nodes"]), answer["truncated"]) == (2, True)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("run:none/ancestors", 404),
        ("run:r1%00/ancestors", 404),
        ("run:r1/sideways", 404),
        ("run:r1/ancestors?max_nodes=0", 400),
        ("run:r1/ancestors?max_nodes=99999999999999999999", 400),
        ("run:r1/ancestors?kind=cat", 400),
        ("nodes?kind=cat", 400),
        ("nodes?q=%00", 400),
    ],
)
def test_bad_questions(api: Client, path: str, status: int) -> None:
    response = api.get(f"{BASE}/{path}")
    assert response.status_code == status


def test_strangers_get_nothing(db: None) -> None:
    response = Client().get(f"{BASE}/run:r1/ancestors")
    assert response.status_code == 401
    assert response["Content-Type"] == "application/problem+json"


def test_nodes_are_found_in_three_queries(api: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(3):
        answer = api.get(f"{BASE}/nodes?kind=dataset_version&q=ORD").json()
    assert [node["urn"] for node in answer["nodes"]] == ["dataset-version:orders/v2.1"]


def test_models_out_of_sight_are_masked(api: Client, settings: Settings) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.nobody_sees_models"]
    answer = api.get(f"{BASE}/endpoint:/predict/ancestors")
    assert b"clf" not in answer.content
    assert len(answer.json()["edges"]) == 4
    assert api.get(f"{BASE}/model-version:clf/1/ancestors").status_code == 404
    assert api.get(f"{BASE}/nodes?q=clf").json()["nodes"] == []


def test_declare_and_retract(api: Client) -> None:
    body = {"source": "dataset-version:orders/v2.1", "target": "run:r1", "relation": "CONSUMED", "role": "test"}
    made = post(api, "edges", body)
    assert (made.status_code, made.json()["role"]) == (201, "test")
    assert post(api, f"edges/{made.json()['id']}/retract", {"reason": "not used"}).status_code == 200
    assert not Edge.objects.filter(pk=made.json()["id"]).exists()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"source": "run:r1", "target": "dataset-version:orders/v2.1", "relation": "PRODUCED"}, 409),
        ({"source": "run:no", "target": "run:r1", "relation": "CONSUMED"}, 404),
        ({"source": "run:r1", "target": "run:r1", "relation": "LIKES"}, 400),
        ({"source": "run:r1\x00", "target": "run:r1", "relation": "CONSUMED"}, 400),
    ],
)
def test_bad_declarations_write_nothing(api: Client, body: dict[str, str], status: int) -> None:
    before = Edge.objects.count()
    assert post(api, "edges", body).status_code == status
    assert Edge.objects.count() == before


@pytest.mark.parametrize("edge_id", ["999", "9" * 30])
def test_an_unknown_edge_cannot_be_retracted(api: Client, edge_id: str) -> None:
    assert post(api, f"edges/{edge_id}/retract", {"reason": "x"}).status_code == 404
