"""/api/v1/lineage as a client sees it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from core.actors import Actor
from lineage.models import Edge
from lineage.services import record_deployment, record_produced
from tests.conftest import Acting
from tests.lineage.facts import record_consumed

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


def nobody_sees_models(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    return frozenset(urn for urn in urns if urn.startswith("model"))


def everybody_sees_models(actor: Actor, urns: frozenset[str]) -> frozenset[str]:
    return frozenset()


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


def test_models_out_of_sight_are_in_no_answer_and_no_count(api: Client, settings: Settings) -> None:
    settings.LINEAGE_VISIBILITY = ["tests.lineage.test_api.nobody_sees_models"]
    for path in (
        "endpoint:/predict/ancestors",
        "dataset-version:orders/v2.1/descendants",
        "endpoint:/predict/graph?up=9",
    ):
        answer = api.get(f"{BASE}/{path}")
        assert b"clf" not in answer.content
        assert b"model_version" not in answer.content
        assert (len(answer.json()["nodes"]), answer.json()["total_seen"], len(answer.json()["edges"])) == (4, 4, 2)
    cut = api.get(f"{BASE}/endpoint:/predict/ancestors?max_nodes=3").json()
    assert (len(cut["nodes"]), cut["total_seen"], cut["total"]) == (2, 2, 4)
    following = api.get(f"{BASE}/endpoint:/predict/ancestors?max_nodes=3&cursor={cut['cursor']}").json()
    assert (len(following["nodes"]), following["total_seen"]) == (2, 4)
    of_kind = api.get(f"{BASE}/dataset-version:orders/v2.1/descendants?kind=model_version").json()
    assert (of_kind["matching"], of_kind["total_seen"]) == (0, 1)
    way = api.get(f"{BASE}/path?from=dataset-version:orders/v2.1&to=endpoint:/predict")
    assert (way.json()["connected"], len(way.json()["nodes"]), b"clf" in way.content) == (True, 4, False)
    impact = b"".join(api.get(f"{BASE}/dataset-version:orders/v2.1/impact"))
    assert b'"total_nodes":4,"runs":1,"total_versions":0' in impact
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


def test_a_page_ends_with_a_cursor_and_says_what_it_left_out(api: Client) -> None:
    answer = api.get(f"{BASE}/endpoint:/predict/ancestors?max_nodes=3").json()
    assert (answer["truncated"], answer["cursor"], answer["total"], answer["total_is_exact"]) == (True, "3", 5, True)
    assert answer["frontier"] == ["model-version:clf/1"]
    rest = api.get(f"{BASE}/endpoint:/predict/ancestors?max_nodes=3&cursor=3").json()
    assert (rest["truncated"], rest["cursor"]) == (False, None)
    assert [node["urn"] for node in rest["nodes"]] == ["run:r1", "dataset-version:orders/v2.1"]


def test_the_graph_as_it_was(api: Client, ada: User, acting: Acting) -> None:
    before = timezone.now()
    record_consumed(actor=acting(ada), run_id="r1", dataset="users", version="v3")
    url = f"{BASE}/model-version:clf/1/ancestors"
    urns = {node["urn"] for node in api.get(url, {"as_of": before.isoformat()}).json()["nodes"]}
    assert urns == {"model-version:clf/1", "run:r1", "dataset-version:orders/v2.1"}
    assert len(api.get(url).json()["nodes"]) == 4


def test_edges_are_followed_by_relation_and_role(api: Client, ada: User, acting: Acting) -> None:
    record_consumed(actor=acting(ada), run_id="r1", dataset="holdout", version="v1", role="test")
    answer = api.get(f"{BASE}/model-version:clf/1/ancestors?rel=PRODUCED,consumed&role=,test").json()
    assert [node["urn"] for node in answer["nodes"]] == ["model-version:clf/1"]
    answer = api.get(f"{BASE}/run:r1/ancestors?role=test").json()
    assert [node["urn"] for node in answer["nodes"]] == ["run:r1", "dataset-version:holdout/v1"]


@pytest.mark.parametrize("query", ["kind=nonsense", "rel=EATEN", "as_of=yesterday", "cursor=x", "depht=3"])
def test_what_is_not_understood_is_refused_by_name(api: Client, query: str) -> None:
    answer = api.get(f"{BASE}/run:r1/ancestors?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[0] in answer.content.decode() or query.partition("=")[2] in answer.content.decode()


def test_a_path_tells_why(api: Client) -> None:
    answer = api.get(f"{BASE}/path", {"from": "dataset-version:orders/v2.1", "to": "endpoint:/predict"}).json()
    assert answer["connected"]
    assert [edge["relation"] for edge in answer["edges"]] == ["CONSUMED", "PRODUCED", "DEPLOYED", "SERVES"]
    assert [node["urn"] for node in answer["nodes"]][::4] == ["dataset-version:orders/v2.1", "endpoint:/predict"]
    back = api.get(f"{BASE}/path", {"to": "dataset-version:orders/v2.1", "from": "endpoint:/predict"}).json()
    assert (back["connected"], back["nodes"], back["edges"]) == (False, [], [])


def test_runs_that_are_alike_are_folded(api: Client, ada: User, acting: Acting) -> None:
    for number in range(3):
        record_consumed(actor=acting(ada), run_id=f"sweep{number}", dataset="orders", version="v2.1")
    answer = api.get(f"{BASE}/dataset-version:orders/v2.1/graph?up=0&down=1&collapse=runs").json()
    (group,) = answer["groups"]
    assert (group["count"], group["kind"]) == (4, "run")
    assert set(group["members"]) == {"run:r1", "run:sweep0", "run:sweep1", "run:sweep2"}
    assert {node["depth"] for node in answer["nodes"]} == {0, 1}


def test_data_without_a_version_are_a_warning(api: Client, ada: User, acting: Acting) -> None:
    record_consumed(actor=acting(ada), run_id="r1", dataset="users", version="unversioned")
    (warning,) = api.get(f"{BASE}/run:r1/ancestors").json()["warnings"]
    assert warning.startswith("dataset-version:users/unversioned: no version was given")
