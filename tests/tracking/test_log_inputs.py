"""Datasets and logged models on either side of a run."""

import pytest

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from tests.signed_in import READER
from tests.tracking.conftest import NewRun, actions
from tracking.full_runs import full_runs, get_full_run
from tracking.models import Dataset, Run, RunInput, RunModel
from tracking.queries import run_facts
from tracking.search.history import dataset_summaries
from tracking.services.inputs import DatasetInput, log_inputs, log_outputs
from tracking.services.logged_models import create_logged_model
from tracking.services.runs import delete_run


def dataset(name: str = "orders", digest: str = "d1", context: str = "train") -> DatasetInput:
    return DatasetInput(name, digest, "local", "{}", schema="{}", tags={"mlflow.data.context": context, "k": "v"})


def test_inputs_are_kept_once(actor: Actor, run: Run) -> None:
    log_inputs(actor=actor, run_id=run.pk, datasets=[dataset(), dataset("users"), dataset(context="test")])
    log_inputs(actor=actor, run_id=run.pk, datasets=[dataset(), dataset("users", "d2")])
    uses = run_facts(run.pk).datasets
    assert [(use.dataset.name, use.dataset.digest, use.context) for use in uses] == [
        ("orders", "d1", "train"),
        ("users", "d1", "train"),
        ("orders", "d1", "test"),
        ("users", "d2", "train"),
    ]
    assert uses[0].tags == {"mlflow.data.context": "train", "k": "v"}
    assert actions().count("tracking.inputs.logged") == 2


def test_inputs_come_back_as_they_were_logged(actor: Actor, run: Run) -> None:
    log_inputs(actor=actor, run_id=run.pk, datasets=[dataset(name) for name in ("zeta", "alpha", "mid")])
    log_inputs(actor=actor, run_id=run.pk, datasets=[dataset("beta"), dataset("alpha")])
    names = ["zeta", "alpha", "mid", "beta"]
    assert [use.dataset.name for use in run_facts(run.pk).datasets] == names
    assert [used.name for used in full_runs([run.pk])[0].inputs] == names


def test_two_runs_share_a_dataset(actor: Actor, run: Run, new_run: NewRun) -> None:
    other = new_run()
    for one in (run, other):
        log_inputs(actor=actor, run_id=one.pk, datasets=[dataset()])
    assert Dataset.objects.count() == 1
    assert dataset_summaries(READER, [str(run.experiment_id), "999"]) == [(run.experiment_id, "orders", "d1", "train")]
    assert dataset_summaries(READER, ["999"]) == []


@pytest.mark.parametrize(
    "bad",
    [
        dataset(name=""),
        dataset(digest=""),
        dataset(name="n" * 501),
        dataset(digest="d" * 37),
        dataset(context="c" * 501),
        DatasetInput("n", "d", "local", "s" * 65_536),
        DatasetInput("n", "d", "local", "", schema="\x00"),
    ],
)
def test_inputs_beyond_a_limit_are_refused(actor: Actor, run: Run, bad: DatasetInput) -> None:
    with pytest.raises(InvalidInput):
        log_inputs(actor=actor, run_id=run.pk, datasets=[dataset(), bad])
    assert not RunInput.objects.exists()


def test_models_on_both_sides(actor: Actor, run: Run) -> None:
    model = create_logged_model(actor=actor, experiment_id=run.experiment_id, name="model", source_run_id=run.pk)
    log_inputs(actor=actor, run_id=run.pk, models=[model.pk])
    for _ in range(2):
        log_outputs(actor=actor, run_id=run.pk, models=[(model.pk, 3)])
    assert {(link.direction, link.step) for link in run_facts(run.pk).models} == {("input", 0), ("output", 3)}


def test_unknown_model_is_refused(actor: Actor, run: Run) -> None:
    with pytest.raises(NotFound, match="m-none"):
        log_outputs(actor=actor, run_id=run.pk, models=[("m-none", 0)])
    assert not RunModel.objects.exists()


def test_deleted_run_takes_no_inputs(actor: Actor, run: Run) -> None:
    delete_run(actor=actor, run_id=run.pk)
    with pytest.raises(InvalidInput, match="active"):
        log_inputs(actor=actor, run_id=run.pk, datasets=[dataset()])
    assert not RunInput.objects.exists()


def test_what_another_run_says_of_a_dataset_is_its_own(actor: Actor, run: Run, new_run: NewRun) -> None:
    log_inputs(actor=actor, run_id=run.pk, datasets=[DatasetInput("orders", "d1", "local", "a.csv", schema="{}")])
    other = new_run()
    log_inputs(
        actor=actor, run_id=other.pk, datasets=[DatasetInput("orders", "d1", "s3", "s3://b/a.csv", profile="{}")]
    )
    assert Dataset.objects.count() == 1
    (first,), (second,) = get_full_run(actor, run.pk).inputs, get_full_run(actor, other.pk).inputs
    assert (first.source_type, first.source, first.schema, first.profile) == ("local", "a.csv", "{}", "")
    assert (second.source_type, second.source, second.schema, second.profile) == ("s3", "s3://b/a.csv", "", "{}")
