"""Experiments: create, rename, delete and restore, tags."""

import threading

import pytest
from django.db import connection

from core.actors import Actor
from core.errors import AlreadyExists, InvalidInput, InvalidState, NotFound
from tests.signed_in import READER
from tests.tracking.conftest import NewRun, actions
from tracking.models import Experiment, ExperimentTag, Run
from tracking.queries import get_experiment, get_experiment_by_name, get_run
from tracking.services.experiments import (
    create_experiment,
    delete_experiment,
    delete_experiment_tag,
    rename_experiment,
    restore_experiment,
    set_experiment_tag,
)
from tracking.services.runs import delete_run, restore_run


def test_default_experiment_is_there(db: None) -> None:
    found = get_experiment(READER, "0")
    assert (found.name, found.artifact_location, found.lifecycle_stage) == ("Default", "mlflow-artifacts:/0", "active")


def test_ids_never_collide_with_the_default(actor: Actor) -> None:
    ids = {create_experiment(actor=actor, name=f"e{number}").pk for number in range(3)}
    assert len(ids) == 3
    assert min(ids) > 0


def test_create_records_one_event(actor: Actor) -> None:
    found = create_experiment(actor=actor, name="churn", tags=[("team", "risk"), ("team", "growth")])
    assert found.artifact_location == f"mlflow-artifacts:/{found.pk}"
    assert [(tag.key, tag.value) for tag in found.tags.all()] == [("team", "growth")]
    assert actions() == ["tracking.experiment.created"]
    assert get_experiment_by_name(READER, "churn").pk == found.pk


def test_name_of_a_deleted_experiment_is_taken(actor: Actor, experiment: Experiment) -> None:
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    with pytest.raises(AlreadyExists):
        create_experiment(actor=actor, name="churn")
    assert Experiment.objects.count() == 2


@pytest.mark.parametrize("name", ["", "  ", "x" * 501, "a\x00b", "\ud800"])
def test_bad_name_is_refused(actor: Actor, name: str) -> None:
    with pytest.raises(InvalidInput):
        create_experiment(actor=actor, name=name)
    assert actions() == []


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc",
        "http:///#/../../../etc/",
        "/srv/x",
        "s3://b/x",
        "mlflow-artifacts:/../x",
        "mlflow-artifacts://h:9/x",
    ],
)
def test_foreign_location_is_refused(actor: Actor, location: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid artifact location"):
        create_experiment(actor=actor, name="churn", artifact_location=location)


def test_rename(actor: Actor, experiment: Experiment) -> None:
    assert rename_experiment(actor=actor, experiment_id=str(experiment.pk), name="churn-2").name == "churn-2"
    with pytest.raises(AlreadyExists):
        rename_experiment(actor=actor, experiment_id=experiment.pk, name="Default")
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    with pytest.raises(InvalidState):
        rename_experiment(actor=actor, experiment_id=experiment.pk, name="churn-3")
    assert get_experiment(READER, experiment.pk).name == "churn-2"


def test_restoring_brings_back_only_what_went_along(actor: Actor, experiment: Experiment, new_run: NewRun) -> None:
    along, before, restored = new_run(), new_run(), new_run()
    delete_run(actor=actor, run_id=before.pk)
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    restore_run(actor=actor, run_id=restored.pk)
    delete_run(actor=actor, run_id=restored.pk)
    restore_experiment(actor=actor, experiment_id=experiment.pk)
    assert [*Run.objects.filter(lifecycle_stage="active")] == [along]
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    restore_experiment(actor=actor, experiment_id=experiment.pk)
    assert [*Run.objects.filter(lifecycle_stage="active")] == [along]


@pytest.mark.parametrize("experiment_id", ["-1337", "-9223372036854775807", "99999"])
def test_a_number_that_no_experiment_has(actor: Actor, experiment: Experiment, experiment_id: str) -> None:
    with pytest.raises(NotFound, match=f"No Experiment with id={experiment_id} exists"):
        get_experiment(actor, experiment_id)


@pytest.mark.parametrize("experiment_id", ["abc", "", "-", "1.5", "-9" + "9" * 18])
def test_no_number_is_an_error(actor: Actor, experiment: Experiment, experiment_id: str) -> None:
    with pytest.raises(InvalidInput, match="must be a valid integer"):
        get_experiment(actor, experiment_id)


def test_delete_and_restore_take_the_runs_along(actor: Actor, experiment: Experiment, new_run: NewRun) -> None:
    run = new_run()
    delete_experiment(actor=actor, experiment_id=experiment.pk)
    assert get_run(READER, run.pk).lifecycle_stage == "deleted"
    with pytest.raises(NotFound):
        delete_experiment(actor=actor, experiment_id=experiment.pk)
    with pytest.raises(InvalidInput, match="must be in the 'active' state"):
        new_run()
    restore_experiment(actor=actor, experiment_id=experiment.pk)
    assert get_run(READER, run.pk).lifecycle_stage == "active"
    assert actions()[-2:] == ["tracking.experiment.deleted", "tracking.experiment.restored"]


def test_tags(actor: Actor, experiment: Experiment) -> None:
    for value in ("a", "b"):
        set_experiment_tag(actor=actor, experiment_id=experiment.pk, key="team", value=value)
    assert ExperimentTag.objects.get().value == "b"
    delete_experiment_tag(actor=actor, experiment_id=experiment.pk, key="team")
    with pytest.raises(NotFound):
        delete_experiment_tag(actor=actor, experiment_id=experiment.pk, key="team")
    assert actions().count("tracking.experiment_tag.set") == 2


@pytest.mark.parametrize(("key", "value"), [("", "x"), ("a//b", "x"), ("k" * 251, "x"), ("k", "v" * 20_001)])
def test_bad_tag_is_refused(actor: Actor, experiment: Experiment, key: str, value: str) -> None:
    with pytest.raises(InvalidInput):
        set_experiment_tag(actor=actor, experiment_id=experiment.pk, key=key, value=value)
    assert not ExperimentTag.objects.exists()


@pytest.mark.parametrize("experiment_id", ["abc", "", "1.5", "9" * 25, "٣"])
def test_bad_id_is_refused(db: None, experiment_id: str) -> None:
    with pytest.raises(InvalidInput, match="Invalid experiment ID"):
        get_experiment(READER, experiment_id)


def test_unknown_experiment(db: None) -> None:
    with pytest.raises(NotFound, match="No Experiment with id=999 exists"):
        get_experiment(READER, "999")
    with pytest.raises(NotFound, match="Could not find experiment with name"):
        get_experiment_by_name(READER, "churn")


@pytest.mark.parametrize("location", ["{own}", "{own}/run/artifacts", "mlflow-artifacts:/99", "mlflow-artifacts:/team"])
def test_the_folder_of_another_experiment_is_refused(actor: Actor, experiment: Experiment, location: str) -> None:
    create_experiment(actor=actor, name="team", artifact_location="mlflow-artifacts:/team/a")
    before = Experiment.objects.count()
    with pytest.raises(InvalidInput, match="the folder is in use, or kept for another experiment"):
        create_experiment(
            actor=actor, name="thief", artifact_location=location.format(own=experiment.artifact_location)
        )
    assert Experiment.objects.count() == before
    assert create_experiment(actor=actor, name="own", artifact_location="mlflow-artifacts:/team/b").pk


@pytest.mark.django_db(transaction=True)
def test_two_at_once_do_not_get_one_folder(actor: Actor) -> None:
    gate, refused = threading.Barrier(2), list[str]()

    def create(name: str, location: str) -> None:
        try:
            gate.wait(60)
            create_experiment(actor=actor, name=name, artifact_location=location)
        except InvalidInput as error:
            refused.append(error.message)
        finally:
            connection.close()

    wanted = [("one", "mlflow-artifacts:/team"), ("two", "mlflow-artifacts:/team/inside")]
    threads = [threading.Thread(target=create, args=each) for each in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 1
    assert "the folder is in use" in refused[0]
    assert Experiment.objects.filter(name__in=["one", "two"]).count() == 1
