"""What differs between two versions: metrics with comparability, changes by axis, and where they part."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from lineage.models import Edge
from lineage.services import record_produced
from registry.lineage_diff import diff_of
from registry.services.models import create_model
from tests.conftest import Acting
from tracking.limits import Point
from tracking.services.experiments import create_experiment
from tracking.services.logging import log_batch, log_metric, set_tag
from tracking.services.runs import create_run

A, B = "model-version:fraud/1", "model-version:fraud/2"


@pytest.fixture
def two(ada: User, acting: Acting) -> Actor:
    """Two versions of fraud: the second was trained on other orders with another depth, and is worse."""
    actor = acting(ada)
    experiment = create_experiment(actor=actor, name="diff")
    create_model(actor=actor, name="fraud")
    for number, depth, auc in ((1, "8", 0.92), (2, "6", 0.91)):
        run = create_run(actor=actor, experiment_id=experiment.pk, start_ms=1)
        set_tag(actor=actor, run_id=run.pk, key="dataset_version", value=f"orders_v{number}+users_v3")
        set_tag(actor=actor, run_id=run.pk, key="git_commit", value="b7d9e4f")
        log_batch(actor=actor, run_id=run.pk, params=[("max_depth", depth), ("eta", "0.1")])
        log_metric(actor=actor, run_id=run.pk, point=Point("auc", auc, 1))
        record_produced(actor=actor, run_id=run.pk, model="fraud", version=number)
    return actor


def test_what_changed_and_what_is_unknown(two: Actor) -> None:
    found = diff_of(two, A, B)
    assert found["verdict"] == "regressed"
    assert [change["axis"] for change in found["changes"]] == ["data", "params"]
    data, params = found["changes"]
    assert (data["node"], data["kind"], data["a"], data["b"]) == ("orders", "changed", ["v1"], ["v2"])
    assert (params["changed"], params["unchanged"]) == ([{"key": "max_depth", "a": "8", "b": "6"}], 1)
    assert found["unknown"] == ["environment of a is not recorded", "environment of b is not recorded"]
    assert {row["node"] for row in found["lineage"]["first_divergence"]} == {
        "dataset-version:orders/v1",
        "dataset-version:orders/v2",
    }


def test_metrics_of_different_data_do_not_compare(two: Actor) -> None:
    run_id = _run_of("fraud/2")
    log_metric(actor=two, run_id=run_id, point=Point("auc", 0.91, 2, 0, "", "holdout", "d9"))
    (metric,) = diff_of(two, A, B)["metrics"]
    assert (metric["comparable"], metric["eval_dataset"]) == (False, "differs")
    assert diff_of(two, A, B)["verdict"] == "not comparable"


def _run_of(version: str) -> str:
    return Edge.objects.get(dst__urn=f"model-version:{version}").src.urn.removeprefix("run:")


def test_the_same_is_no_change(two: Actor) -> None:
    found = diff_of(two, A, A)
    assert (found["changes"], found["verdict"], found["lineage"]["only_a"]) == ([], "unchanged", 0)


@pytest.mark.parametrize(("urn", "error"), [("model-version:fraud/9", NotFound), ("dataset:orders", InvalidInput)])
def test_what_cannot_be_compared(two: Actor, urn: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        diff_of(two, A, urn)


def test_it_costs_a_fixed_number_of_queries(two: Actor, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(12):
        diff_of(two, A, B)


def test_the_api(two: Actor, ada: User) -> None:
    client = Client()
    client.force_login(ada)
    answer = client.get("/api/v1/diff", {"a": A, "b": B})
    assert (answer.status_code, answer.json()["verdict"]) == (200, "regressed")
    assert client.get("/api/v1/diff", {"a": A}).status_code == 400
