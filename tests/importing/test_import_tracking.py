"""Experiments, runs, metrics, datasets and logged models come with their ids, times and states."""

from __future__ import annotations

import math

import pytest

from audit.models import Event
from core.actors import system_actor
from importing.models import Origin
from lineage.models import Assertion, Edge, Relation
from tests.importing.conftest import Bring
from tests.importing.old_database import BEGAN, DELETED_RUN, LOGGED_MODEL, RUN, OldDatabase
from tracking.models import Experiment, LoggedModel, Metric, Run, RunModel
from tracking.queries import run_facts
from tracking.services.experiments import create_experiment


def test_an_experiment_keeps_name_times_tags_and_state(bring: Bring) -> None:
    bring()
    churn = Experiment.objects.get(name="churn")
    assert (churn.created_ms, churn.updated_ms) == (BEGAN, BEGAN + 1)
    assert dict(churn.tags.values_list("key", "value")) == {"team": "growth"}
    assert churn.artifact_location == f"mlflow-artifacts:/{churn.pk}"
    assert Experiment.objects.get(name="abandoned").lifecycle_stage == "deleted"
    assert Experiment.objects.filter(name="Default").count() == 1


def test_a_run_keeps_everything(bring: Bring) -> None:
    bring()
    facts = run_facts(RUN)
    run = facts.run
    assert (run.name, run.user_id, run.status, run.start_ms, run.end_ms) == (
        "run 9b9b",
        "ada",
        "FINISHED",
        BEGAN,
        BEGAN + 9000,
    )
    assert facts.params == {"depth": "7"}
    assert facts.tags["dataset_version"] == "orders_v2.1"
    assert (facts.metrics["loss"], facts.metrics["auc"]) == (1 / 3, 0.91)
    assert math.isnan(facts.metrics["odd"])
    assert [(used.dataset.name, used.context) for used in facts.datasets] == [("orders", "training")]
    assert run.artifact_uri == f"mlflow-artifacts:/{run.experiment_id}/{RUN}/artifacts"


def test_who_made_a_run_is_whom_the_old_server_names(bring: Bring) -> None:
    bring()
    assert Run.objects.get(pk=RUN).created_by == "ada"
    assert Run.objects.get(pk=DELETED_RUN).created_by == "command:import_mlflow"


def test_a_deleted_run_stays_deleted(bring: Bring) -> None:
    bring()
    run = Run.objects.get(pk=DELETED_RUN)
    assert (run.lifecycle_stage, run.status) == ("deleted", "FAILED")


def test_a_metric_of_a_logged_model_comes_once(bring: Bring) -> None:
    bring()
    assert list(Metric.objects.filter(key="auc").values_list("model_id", "step")) == [(LOGGED_MODEL, 4)]
    assert Metric.objects.filter(run=RUN).count() == 5


def test_a_logged_model_keeps_everything(bring: Bring) -> None:
    bring()
    model = LoggedModel.objects.get(pk=LOGGED_MODEL)
    assert (model.name, model.status, model.model_type, model.source_run_id) == (
        "gbm",
        "LOGGED_MODEL_READY",
        "classifier",
        RUN,
    )
    assert (model.created_ms, model.updated_ms) == (BEGAN, BEGAN + 2)
    assert [p.value for p in model.params.all()] == ["31"]
    assert [t.value for t in model.tags.all()] == ["tree"]
    assert set(RunModel.objects.values_list("run_id", "direction", "step")) == {
        (RUN, "output", 3),
        (DELETED_RUN, "input", 0),
    }


def test_lineage_says_that_it_was_imported(bring: Bring, old: OldDatabase) -> None:
    bring()
    assert set(Assertion.objects.values_list("mode", flat=True)) == {"imported"}
    assert all(f"sqlite:///{old.path}" in source for source in Assertion.objects.values_list("source", flat=True))
    consumed = Edge.objects.filter(rel=Relation.CONSUMED, dst__urn=f"run:{RUN}")
    assert set(consumed.values_list("src__urn", flat=True)) == {"dataset-version:orders/v2.1"}


def test_each_thing_is_an_event(bring: Bring) -> None:
    bring()
    actions = list(Event.objects.filter(object_ref=f"run:{RUN}").order_by("id").values_list("action", flat=True))
    assert actions == [
        "tracking.run.imported",
        "tracking.metrics.imported",
        "tracking.metrics.imported",
        "tracking.run_models.imported",
    ]


def test_an_experiment_of_the_same_name_takes_the_runs_in(bring: Bring) -> None:
    mine = create_experiment(actor=system_actor("test"), name="churn", tags=[("team", "mine")])
    printed = bring()
    assert Run.objects.get(pk=RUN).experiment_id == mine.pk
    assert list(mine.tags.values_list("value", flat=True)) == ["mine"]
    assert "the runs were added to it" in printed


def test_an_experiment_whose_name_is_taken_by_a_deleted_one_does_not_come(bring: Bring, old: OldDatabase) -> None:
    old.change("UPDATE experiments SET lifecycle_stage = 'deleted' WHERE name = 'churn'")
    create_experiment(actor=system_actor("test"), name="churn")
    printed = bring()
    assert "rename or restore one of the two: churn" in printed
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("table", "row", "told"),
    [
        ("params", {"key": "p", "value": "x" * 7000}, "params of runs: cut to 6000 characters"),
        ("params", {"key": "../up", "value": "x"}, 'params of runs: Invalid value "../up"'),
        ("tags", {"key": "t", "value": "a\x00b"}, "tags of runs: 'value' holds a NUL character"),
        ("metrics", {"key": "m", "value": 1.0, "timestamp": -5, "step": 0}, "metric values: Invalid value -5"),
    ],
)
def test_what_breaks_a_rule_is_told_and_the_rest_comes(
    bring: Bring, old: OldDatabase, table: str, row: dict[str, object], told: str
) -> None:
    old.add(table, run_uuid=RUN, **row)
    assert told in bring()
    assert run_facts(RUN).params["depth"] == "7"
    assert Metric.objects.filter(run=RUN, key="loss").count() == 3


def test_a_run_of_another_origin_is_left_alone(bring: Bring, old: OldDatabase) -> None:
    bring()
    Run.objects.filter(pk=RUN).update(name="ours")
    Origin.objects.all().delete()
    assert "a run with that id exists here" in bring()
    assert Run.objects.get(pk=RUN).name == "ours"
