"""Levels on experiments: who sees what, who may change it, and that nothing happens where it is refused."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from audit.queries import by_actor
from core.actors import Actor, system_actor
from core.errors import Denied, InvalidInput, NotFound
from tests.conftest import Acting
from tests.tracking.conftest import NewRun
from tests.tracking.levels import give
from tracking.artifacts import delete_artifact, store_artifact
from tracking.full_runs import get_full_run
from tracking.limits import Point
from tracking.models import Artifact, Experiment, ExperimentGrant, ExperimentLevel, PatternGrant, Run
from tracking.permissions.artifacts import may_read_path
from tracking.permissions.levels import level_on, visible_experiments
from tracking.queries import get_experiment, get_experiment_by_name, get_logged_model, get_run
from tracking.search.experiments import search_experiments
from tracking.search.logged_models import search_logged_models
from tracking.search.runs import search_run_ids
from tracking.services import experiments, logged_models, logging, runs

READ, EDIT, MANAGE = ExperimentLevel
POINT = Point(key="loss", value=0.5, timestamp_ms=1, step=0)


@pytest.fixture
def by_cy(cy: User, acting: Acting) -> Actor:
    return acting(cy)


@pytest.fixture
def closed(settings: Settings) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "none"


@pytest.fixture
def readable(settings: Settings) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "read"


def file_of(run: Run) -> str:
    return f"{run.artifact_uri.removeprefix('mlflow-artifacts:/')}/model/MLmodel"


def changes(run: Run) -> list[tuple[str, Callable[[Actor], object]]]:
    """Return what changes a run, each as a call."""
    return [
        ("metric", lambda actor: logging.log_metric(actor=actor, run_id=run.pk, point=POINT)),
        ("param", lambda actor: logging.log_param(actor=actor, run_id=run.pk, key="a", value="1")),
        ("tag", lambda actor: logging.set_tag(actor=actor, run_id=run.pk, key="t", value="1")),
        ("batch", lambda actor: logging.log_batch(actor=actor, run_id=run.pk, metrics=[POINT], tags=[("b", "1")])),
        ("untag", lambda actor: logging.delete_tag(actor=actor, run_id=run.pk, key="mlflow.runName")),
        ("update", lambda actor: runs.update_run(actor=actor, run_id=run.pk, status="FINISHED", name="x")),
        ("file", lambda actor: store_artifact(actor=actor, path=file_of(run), stream=BytesIO(b"x"))),
        (
            "model",
            lambda actor: logged_models.create_logged_model(
                actor=actor, experiment_id=run.experiment_id, source_run_id=run.pk
            ),
        ),
    ]


NAMES = ["metric", "param", "tag", "batch", "untag", "update", "file", "model"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_hidden_is_not_there(closed: None, run: Run, by_cy: Actor, name: str) -> None:
    before = Event.objects.count()
    with pytest.raises(NotFound):
        dict(changes(run))[name](by_cy)
    assert Event.objects.count() == before


@pytest.mark.parametrize("name", NAMES)
def test_somebody_elses_run_takes_edit(readable: None, run: Run, by_cy: Actor, name: str) -> None:
    before = Event.objects.count()
    with pytest.raises(Denied, match="edit"):
        dict(changes(run))[name](by_cy)
    assert Event.objects.count() == before
    give(run.experiment, by_cy, EDIT)
    dict(changes(run))[name](by_cy)
    assert Event.objects.filter(by_actor("cy")).exists()


@pytest.mark.parametrize("name", NAMES)
def test_ones_own_run_is_ones_own(readable: None, experiment: Experiment, by_cy: Actor, name: str) -> None:
    run = runs.create_run(actor=by_cy, experiment_id=experiment.pk)
    dict(changes(run))[name](by_cy)


@pytest.mark.parametrize("name", NAMES)
def test_owners_change_the_runs_of_their_accounts(
    readable: None, experiment: Experiment, actor: Actor, bot: User, acting: Acting, name: str
) -> None:
    ExperimentGrant.objects.all().delete()
    run = runs.create_run(actor=acting(bot), experiment_id=experiment.pk)
    dict(changes(run))[name](actor)


def test_deleting_takes_manage(readable: None, run: Run, by_cy: Actor) -> None:
    give(run.experiment, by_cy, EDIT)
    for delete in (
        lambda: runs.delete_run(actor=by_cy, run_id=run.pk),
        lambda: runs.restore_run(actor=by_cy, run_id=run.pk),
        lambda: experiments.delete_experiment(actor=by_cy, experiment_id=run.experiment_id),
        lambda: experiments.rename_experiment(actor=by_cy, experiment_id=run.experiment_id, name="x"),
    ):
        with pytest.raises(Denied, match=r"manage|delete"):
            delete()
    run.refresh_from_db()
    assert (run.lifecycle_stage, run.experiment.name) == ("active", "churn")
    ExperimentGrant.objects.filter(user__username="cy").update(level=MANAGE)
    runs.delete_run(actor=by_cy, run_id=run.pk)


def test_only_superusers_manage_the_default_experiment(
    settings: Settings, actor: Actor, ops: User, acting: Acting
) -> None:
    settings.DEFAULT_EXPERIMENT_LEVEL = "manage"
    with pytest.raises(Denied, match="only superusers"):
        experiments.rename_experiment(actor=actor, experiment_id=0, name="mine")
    with pytest.raises(IntegrityError):
        ExperimentGrant.objects.create(experiment_id=0, user_id=actor.user_id, level=MANAGE)


def test_a_pattern_never_manages_the_default_experiment(readable: None, actor: Actor) -> None:
    PatternGrant.objects.create(pattern="*", like_pattern="%", user_id=actor.user_id, level=MANAGE)
    assert level_on(actor, 0) == EDIT


def test_lists_leave_out_what_is_hidden(closed: None, run: Run, actor: Actor, by_cy: Actor) -> None:
    model = logged_models.create_logged_model(actor=actor, experiment_id=run.experiment_id)
    ids = [str(run.experiment_id)]
    for who, count in ((by_cy, 0), (actor, 1)):
        assert len(search_experiments(actor=who, filter_string="name = 'churn'", max_results=9)[0]) == count
        assert len(search_run_ids(actor=who, experiment_ids=ids)[0]) == count
        assert len(search_logged_models(actor=who, experiment_ids=ids)[0]) == count
    for read in (
        lambda: get_experiment(by_cy, run.experiment_id),
        lambda: get_experiment_by_name(by_cy, "churn"),
        lambda: get_run(by_cy, run.pk),
        lambda: get_full_run(by_cy, run.pk),
        lambda: get_logged_model(by_cy, model.pk),
    ):
        with pytest.raises(NotFound):
            read()


def test_groups_and_patterns(closed: None, actor: Actor, cy: User, by_cy: Actor) -> None:
    for name in ("team-a/churn", "team-b/churn", "Team-a/churn", "team_a/churn"):
        experiments.create_experiment(actor=actor, name=name)
    group = Group.objects.create(name="team-a")
    PatternGrant.objects.create(pattern="team-a/*", like_pattern="team-a/%", group=group, level=EDIT)
    assert set(visible_experiments(by_cy).values_list("name", flat=True)) == set()
    cy.groups.add(group)
    assert set(visible_experiments(by_cy).values_list("name", flat=True)) == {"team-a/churn"}
    found = get_experiment_by_name(by_cy, "team-a/churn")
    assert level_on(by_cy, found.pk) == EDIT


def test_the_creator_manages_and_of_an_account_its_owner(closed: None, bot: User, actor: Actor, acting: Acting) -> None:
    made = experiments.create_experiment(actor=acting(bot), name="by a bot")
    assert {level_on(acting(bot), made.pk), level_on(actor, made.pk)} == {MANAGE}


def test_nobodys_folder_takes_no_files(readable: None, actor: Actor) -> None:
    for path in ("987654/x", "elsewhere/model.pkl", "x"):
        with pytest.raises(NotFound):
            store_artifact(actor=actor, path=path, stream=BytesIO(b"x"))
    assert not Artifact.objects.exists()


def test_files_are_read_and_deleted_with_their_run(closed: None, run: Run, actor: Actor, by_cy: Actor) -> None:
    store_artifact(actor=actor, path=file_of(run), stream=BytesIO(b"x"))
    assert not may_read_path(by_cy, file_of(run))
    with pytest.raises(NotFound):
        delete_artifact(actor=by_cy, path=file_of(run))
    give(run.experiment, by_cy, EDIT)
    assert may_read_path(by_cy, file_of(run))
    with pytest.raises(Denied):
        delete_artifact(actor=by_cy, path=file_of(run))
    assert Artifact.objects.count() == 1


@pytest.mark.parametrize("location", ["{own}", "{own}/models", "7", "shared", "shared/below", "sh"])
def test_a_folder_of_others_is_no_artifact_location(
    readable: None, run: Run, actor: Actor, by_cy: Actor, location: str
) -> None:
    experiments.create_experiment(actor=actor, name="named", artifact_location="mlflow-artifacts:/shared/all")
    wanted = location.format(own=run.experiment_id)
    if wanted in {"shared/below", "sh"}:
        experiments.create_experiment(actor=by_cy, name="own", artifact_location=f"mlflow-artifacts:/{wanted}")
        return
    with pytest.raises(InvalidInput, match="artifact location"):
        experiments.create_experiment(actor=by_cy, name="own", artifact_location=f"mlflow-artifacts:/{wanted}")
    assert not Experiment.objects.filter(name="own").exists()


def test_a_metric_of_a_logged_model_takes_a_right_to_it(readable: None, run: Run, actor: Actor, by_cy: Actor) -> None:
    model = logged_models.create_logged_model(actor=actor, experiment_id=run.experiment_id)
    own = runs.create_run(actor=by_cy, experiment_id=run.experiment_id)
    point = Point(key="auc", value=1.0, timestamp_ms=1, step=0, model_id=model.pk)
    with pytest.raises(Denied):
        logging.log_metric(actor=by_cy, run_id=own.pk, point=point)
    with pytest.raises(Denied):
        logging.log_outputs(actor=by_cy, run_id=own.pk, models=[(model.pk, 0)])


@pytest.mark.django_db(transaction=True)
def test_logging_is_one_statement_on_postgresql(readable: None, new_run: NewRun, actor: Actor, by_cy: Actor) -> None:
    run = new_run()
    give(run.experiment, by_cy, EDIT)
    for step, who in enumerate((actor, by_cy)):
        logging.set_tag(
            actor=who, run_id=run.pk, key="k", value="v"
        )  # the first event of a person stores the name, too
        with CaptureQueriesContext(connection) as asked:
            logging.log_batch(actor=who, run_id=run.pk, metrics=[POINT._replace(step=step)])
        if connection.vendor == "postgresql":
            assert len(asked) == 1


def test_reads_and_new_runs_ask_no_further_question(readable: None, run: Run, by_cy: Actor) -> None:
    with CaptureQueriesContext(connection) as asked:
        get_full_run(by_cy, run.pk)
    assert len(asked) == 1
    with CaptureQueriesContext(connection) as asked:
        runs.create_run(actor=by_cy, experiment_id=run.experiment_id)
    assert not [query for query in asked if "grant" in query["sql"]]


def test_the_system_rules_all(closed: None, run: Run) -> None:
    logging.set_tag(actor=system_actor("import"), run_id=run.pk, key="k", value="v")
