"""Deployments: what runs where, and what may not run any more."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from lineage.queries import ancestors, find_node
from registry.models import Deployment, Endpoint
from registry.services.deployments import end_deployment, register_deployment
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.services.versions import create_version
from registry.stages import Stage
from tests.conftest import Acting
from tests.registry.conftest import RUN, NewVersion


def deploy(actor: Actor, version: int | None = 1, **more: Any) -> Deployment:
    return register_deployment(actor=actor, **{"endpoint": "/predict", "model": "fraud", "version": version, **more})


def live() -> list[int]:
    return list(Deployment.objects.filter(ended_at__isnull=True).order_by("number").values_list("number", flat=True))


def test_a_deployment_leads_back_to_the_run(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    made = deploy(by_ada, revision="v2.1")
    assert (made.number, made.deployed_by) == (1, "ada")
    assert f"run:{RUN}" in {node.urn for node in ancestors(find_node("endpoint:/predict")).nodes}


def test_all_of_the_traffic_ends_what_ran_before(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    new_version()
    deploy(by_ada, 1)
    deploy(by_ada, 2, traffic_percent=10)
    assert live() == [1, 2]
    deploy(by_ada, 2)
    assert live() == [3]
    closure = {node.urn for node in ancestors(find_node("endpoint:/predict")).nodes}
    assert "model-version:fraud/2" in closure
    assert "model-version:fraud/1" not in closure


def test_environments_are_apart(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    deploy(by_ada, environment="eu")
    deploy(by_ada, environment="us")
    assert live() == [1, 2]


def test_production_means_the_current_version(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    change_stage(actor=by_ada, version=new_version(), target=Stage.PRODUCTION, archive_existing=False, reason="")
    assert deploy(by_ada, None).version.version == 2


def test_nothing_in_production_nothing_deployed(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(NotFound):
        deploy(by_ada, None)
    assert not Endpoint.objects.exists()


def test_an_archived_version_is_not_deployed(by_ada: Actor, new_version: NewVersion) -> None:
    change_stage(actor=by_ada, version=new_version(), target=Stage.ARCHIVED, archive_existing=False, reason="")
    with pytest.raises(Conflict, match="Archived"):
        deploy(by_ada)
    assert (Deployment.objects.count(), Endpoint.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    "bad",
    [
        {"endpoint": ""}, {"endpoint": "/"}, {"endpoint": "/a b"}, {"endpoint": "/../x"}, {"endpoint": "//x"},
        {"endpoint": "x" * 256}, {"endpoint": "/x\n"}, {"traffic_percent": 101}, {"traffic_percent": -1},
        {"revision": "x" * 101}, {"environment": "x\x00"},
    ],
)  # fmt: skip
def test_bad_input_leaves_nothing(bad: dict[str, Any], by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    with pytest.raises(InvalidInput):
        deploy(by_ada, **bad)
    assert (Deployment.objects.count(), Endpoint.objects.count()) == (0, 0)


def test_ending(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    deploy(by_ada)
    first = end_deployment(actor=by_ada, endpoint="/predict", number=1)
    assert end_deployment(actor=by_ada, endpoint="/predict", number=1).ended_at == first.ended_at
    assert Event.objects.filter(action="lineage.deployment.ended").count() == 1
    with pytest.raises(NotFound):
        end_deployment(actor=by_ada, endpoint="/predict", number=2)


def test_a_reader_neither_deploys_nor_ends(
    settings: Settings, by_ada: Actor, cy: User, acting: Acting, new_version: NewVersion
) -> None:
    new_version()
    deploy(by_ada)
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(Denied):
        deploy(acting(cy))
    with pytest.raises(Denied):
        end_deployment(actor=acting(cy), endpoint="/predict", number=1)
    assert live() == [1]


def test_replacing_another_models_deployment_is_in_both_streams(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    other = create_model(actor=by_ada, name="other")
    create_version(actor=by_ada, name="other", source=f"runs:/{RUN}/model", run_id=RUN)
    deploy(by_ada)
    deploy(by_ada, model="other")
    ended = Event.objects.get(action="lineage.deployment.ended")
    started = Event.objects.filter(action="lineage.deployment.registered").latest("id")
    assert (ended.stream, started.stream) == (f"model:{version.model_id}", f"model:{other.pk}")
