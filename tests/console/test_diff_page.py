"""The page that compares two versions, runs or endpoints, and the way to it."""

from __future__ import annotations

import pytest
from django.utils import timezone

from accounts.models import User
from core.actors import Actor
from lineage.services import record_produced
from registry.models import ModelVersion
from registry.services.deployments import register_deployment
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of
from tracking.limits import Point
from tracking.services.experiments import create_experiment
from tracking.services.logging import log_batch, log_metric, set_tag
from tracking.services.runs import create_run

A, B = "model-version:fraud/1", "model-version:fraud/2"


@pytest.fixture
def two(ada: User, acting: Acting) -> Actor:
    """Two versions of fraud; the first was approved, the second runs on /predict and is worse."""
    actor = acting(ada)
    experiment = create_experiment(actor=actor, name="diff")
    create_model(actor=actor, name="fraud")
    for number, depth, auc in ((1, "8", 0.92), (2, "6", 0.91)):
        run = create_run(actor=actor, experiment_id=experiment.pk, start_ms=1)
        set_tag(actor=actor, run_id=run.pk, key="dataset_version", value=f"orders_v{number}")
        log_batch(actor=actor, run_id=run.pk, params=[("max_depth", depth), ("learning_rate", "0.1")])
        log_metric(actor=actor, run_id=run.pk, point=Point("auc", auc, 1))
        log_metric(actor=actor, run_id=run.pk, point=Point("rows", 7, 1))
        create_version(actor=actor, name="fraud", source=f"runs:/{run.pk}/model", run_id=run.pk)
        record_produced(actor=actor, run_id=run.pk, model="fraud", version=number)
    ModelVersion.objects.filter(version=1).update(approved_at=timezone.now(), approved_by="bea")
    register_deployment(actor=actor, endpoint="/predict", model="fraud", version=2, traffic_percent=100)
    return actor


def test_what_differs_and_nothing_else(two: Actor, ada: User, signed_in: SignedIn) -> None:
    page = text_of(signed_in(ada).get("/diff/", {"a": A, "b": B}))
    assert "B is worse" in page
    for text in (
        "max_depth",
        "-0.01 <span",
        "orders",
        "code of a is not recorded",
        "1 unchanged not listed",
        "1 with the same value not listed",
    ):
        assert text in page
    assert "learning_rate" not in page


def test_an_endpoint_stands_for_what_it_serves(two: Actor, ada: User, signed_in: SignedIn) -> None:
    client = signed_in(ada)
    assert "B is worse" in text_of(client.get("/diff/", {"a": A, "b": "endpoint:/predict"}))
    assert client.get("/diff/", {"a": A, "b": "dataset:orders"}).status_code == 400
    assert client.get("/diff/", {"a": A, "b": "model-version:fraud/9"}).status_code == 404
    assert "Compare two versions" in text_of(client.get("/diff/"))


@pytest.mark.parametrize("page", ["/models/fraud/", "/models/fraud/versions/2/"])
def test_today_against_the_last_approved_is_one_click(two: Actor, ada: User, signed_in: SignedIn, page: str) -> None:
    html = signed_in(ada).get(page).content.decode()
    assert "/diff/?a=model-version%3Afraud%2F1&amp;b=model-version%3Afraud%2F2" in html
