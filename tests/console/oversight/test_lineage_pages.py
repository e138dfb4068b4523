import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from core.actors import Actor
from registry.permissions import Level, grant_level
from registry.services.deployments import register_deployment
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of
from tests.lineage.facts import record_consumed

VERSION = "model-version:fraud/1"


@pytest.fixture
def deployed(new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1, revision="v2.1")


@pytest.mark.usefixtures("deployed")
def test_an_endpoint_links_to_its_whole_ancestry(ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert "?node=endpoint%3A%2Fpredict&amp;direction=up" in text_of(client.get("/endpoints/"))
    page = text_of(client.get("/lineage/?node=endpoint:%2Fpredict&direction=up"))
    for name in ("/predict", "fraud v1", "orders", "users", "b7d9e4"):
        assert name in page.partition("The graph as a list")[0]
        assert name in page.partition("The graph as a list")[2]


@pytest.mark.usefixtures("deployed")
def test_a_selected_artifact_is_highlighted_with_its_inputs_without_scripts(ada: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ada).get("/lineage/", {"node": "endpoint:/predict", "picked": f"run:{1:032x}"}))
    assert page.count('class="node lit') == 4  # the run, two datasets, the commit
    assert 'class="node  dim"' in page or 'class="node dim"' in page
    assert "has 3 ancestors." in page


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("direction", ["up", "down", "both", ""])
@pytest.mark.parametrize("urn", [VERSION, "model:fraud", "dataset:orders", "code:b7d9e4"])
def test_every_kind_of_start_can_be_drawn(urn: str, direction: str, ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get("/lineage/", {"node": urn, "direction": direction}).status_code == 200


@pytest.mark.usefixtures("deployed")
def test_a_hidden_model_has_no_name(cy: User, by_ada: Actor, signed_in: SignedIn, settings: object) -> None:
    settings.DEFAULT_MODEL_LEVEL = ""  # type: ignore[attr-defined]  # pytest-django's takes any name
    assert signed_in(cy).get("/lineage/", {"node": "endpoint:/predict"}).status_code == 404
    seen = create_model(actor=by_ada, name="seen")
    create_version(actor=by_ada, name="seen", source=f"runs:/{1:032x}/model", run_id=f"{1:032x}")
    register_deployment(actor=by_ada, endpoint="/predict", model="seen", version=1, traffic_percent=10)
    grant_level(user=cy, model=seen, level=Level.READ)
    page = text_of(signed_in(cy).get("/lineage/", {"node": "endpoint:/predict"}))
    assert "seen v1" in page
    assert "fraud" not in page
    assert "you may not see" not in page
    assert signed_in(cy).get("/lineage/", {"node": VERSION}).status_code == 404


@pytest.mark.parametrize(("query", "status"), [({"node": "run:none"}, 404), ({"node": "x\x00"}, 400)])
def test_a_missing_object_is_not_found(query: dict[str, str], status: int, ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get("/lineage/", query).status_code == status


@pytest.mark.usefixtures("deployed")
def test_there_are_three_directions(ada: User, signed_in: SignedIn) -> None:
    assert signed_in(ada).get("/lineage/", {"node": VERSION, "direction": "sideways"}).status_code == 400


@pytest.mark.usefixtures("deployed")
def test_a_dataset_shows_its_impact(ada: User, signed_in: SignedIn) -> None:
    assert "orders" in text_of(signed_in(ada).get("/datasets/"))
    page = text_of(signed_in(ada).get("/datasets/version/", {"node": "dataset-version:orders/v2.1"}))
    for touched in (f"/runs/{1:032x}/", "/models/fraud/versions/1/", "/predict"):
        assert touched in page
    assert signed_in(ada).get("/datasets/version/", {"node": VERSION}).status_code == 404


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize("url", ["/lineage/?node=model:fraud", "/datasets/", "/endpoints/"])
def test_more_nodes_cost_no_more_queries(url: str, new_version: NewVersion, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    client.get(url)
    with CaptureQueriesContext(connection) as first:
        client.get(url)
    new_version(tags={"dataset_version": "other_v9", "git_commit": "c0ffee"})
    with CaptureQueriesContext(connection) as more:
        client.get(url)
    assert len(more) == len(first)


def test_runs_of_a_sweep_are_unfolded_and_folded_in_the_drawing(by_ada: Actor, ada: User, signed_in: SignedIn) -> None:
    for number in range(4):
        record_consumed(actor=by_ada, run_id=f"sweep{number}", dataset="orders", version="v2.1")
    client, query = signed_in(ada), {"node": "dataset-version:orders/v2.1", "direction": "down"}
    folded = text_of(client.get("/lineage/", query))
    assert "3 runs are drawn in one box" in folded
    assert "Fold similar runs" not in folded
    address = re.search(r'<a class="more" href="([^"]+)" aria-label="Show all 4 runs like', folded)
    assert address is not None
    unfolded = text_of(client.get(unescape(address[1])))
    assert all(f'data-name="sweep{number}"' in unfolded for number in range(4))
    assert "Fold similar runs" in unfolded
