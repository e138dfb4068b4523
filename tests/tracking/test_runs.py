"""Runs themselves: create, update, delete, restore."""

import re

import pytest

from core.actors import Actor
from core.errors import InvalidInput, NotFound
from lineage.models import Node
from tests.signed_in import READER
from tests.tracking.conftest import NewRun, actions
from tracking.models import Experiment, Run
from tracking.queries import get_run, run_facts
from tracking.services.logging import set_tag
from tracking.services.runs import create_run, delete_run, restore_run, update_run


def test_create_names_mirrors_and_records(run: Run, experiment: Experiment) -> None:
    assert re.fullmatch("[0-9a-f]{32}", run.pk)
    assert run.artifact_uri == f"mlflow-artifacts:/{experiment.pk}/{run.pk}/artifacts"
    assert (run.status, run.start_ms, run.end_ms, run.created_by) == ("RUNNING", 1000, None, "ada")
    assert run_facts(run.pk).tags == {"mlflow.runName": "exp-47b"}
    assert actions() == ["tracking.experiment.created", "tracking.run.created"]
    assert Node.objects.get(urn=f"run:{run.pk}").name == "exp-47b"


def test_a_name_is_made_up(new_run: NewRun) -> None:
    run = new_run()
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d{1,3}", run.name)
    assert new_run(tags=[("mlflow.runName", "tagged")]).name == "tagged"


def test_two_different_names_are_refused(new_run: NewRun) -> None:
    with pytest.raises(InvalidInput, match="different values"):
        new_run(name="a", tags=[("mlflow.runName", "b")])
    assert not Run.objects.exists()


def test_run_without_an_experiment_goes_to_the_default(actor: Actor) -> None:
    assert create_run(actor=actor).experiment_id == 0


def test_unknown_experiment(new_run: NewRun) -> None:
    with pytest.raises(NotFound, match="No Experiment with id=12345 exists"):
        new_run(experiment_id="12345")


def test_update_changes_what_is_given(actor: Actor, run: Run) -> None:
    update_run(actor=actor, run_id=run.pk, status="FINISHED", end_ms=2000, name="renamed")
    found = get_run(READER, run.pk)
    assert (found.status, found.end_ms, found.name) == ("FINISHED", 2000, "renamed")
    assert run_facts(run.pk).tags["mlflow.runName"] == "renamed"
    assert Node.objects.get(urn=f"run:{run.pk}").name == "renamed"
    update_run(actor=actor, run_id=run.pk, status="FINISHED")
    assert actions().count("tracking.run.updated") == 1


def test_tag_renames_the_run(actor: Actor, run: Run) -> None:
    set_tag(actor=actor, run_id=run.pk, key="mlflow.runName", value="by-tag")
    assert get_run(READER, run.pk).name == "by-tag"


def test_deleted_run_takes_no_writes_until_restored(actor: Actor, run: Run) -> None:
    delete_run(actor=actor, run_id=run.pk)
    delete_run(actor=actor, run_id=run.pk)
    with pytest.raises(InvalidInput, match="must be in the 'active' state"):
        update_run(actor=actor, run_id=run.pk, status="FAILED")
    assert get_run(READER, run.pk).status == "RUNNING"
    restore_run(actor=actor, run_id=run.pk)
    update_run(actor=actor, run_id=run.pk, status="FAILED")
    assert actions()[-3:] == ["tracking.run.deleted", "tracking.run.restored", "tracking.run.updated"]


def test_unknown_run(actor: Actor, db: None) -> None:
    for act in (delete_run, restore_run, update_run):
        with pytest.raises(NotFound, match="Run with id=nope not found"):
            act(actor=actor, run_id="nope")
