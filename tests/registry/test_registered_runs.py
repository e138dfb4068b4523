"""What a version was made of: readable with its model, bound to the model's managers from then on."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from core.errors import Denied, NotFound
from core.refs import dataset_version_ref, run_ref, version_ref
from lineage.declarations import declare_edge
from lineage.models import Edge, Relation
from registry.models import ModelVersion
from registry.permissions import Level, grant_level
from registry.queries import get_model
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tests.lineage.facts import record_consumed
from tracking.artifacts import delete_artifact, store_artifact
from tracking.limits import Point
from tracking.models import ExperimentGrant, ExperimentLevel, Run
from tracking.permissions.artifacts import may_read_path
from tracking.queries import get_run
from tracking.services.experiments import create_experiment, delete_experiment
from tracking.services.logging import log_inputs, log_metric, log_param, set_tag
from tracking.services.runs import create_run, delete_run, update_run
from tracking.visibility import _RUN_OF_EVALUATION

POINT = Point(key="auc", value=0.5, timestamp_ms=1, step=0)


@pytest.fixture(autouse=True)
def _levels(settings: Settings, tmp_path: object) -> None:
    settings.ARTIFACT_URL = f"file://{tmp_path}/artifacts"
    settings.DEFAULT_EXPERIMENT_LEVEL = settings.DEFAULT_MODEL_LEVEL = "none"


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def by_cy(cy: User, acting: Acting) -> Actor:
    return acting(cy)


@pytest.fixture
def run(by_ada: Actor) -> Run:
    experiment = create_experiment(actor=by_ada, name="secret")
    made = create_run(actor=by_ada, experiment_id=experiment.pk)
    store_artifact(actor=by_ada, path=f"{folder(made)}/MLmodel", stream=BytesIO(b"flavors: {}\n"))
    return made


def folder(run: Run) -> str:
    return f"{run.artifact_uri.removeprefix('mlflow-artifacts:/')}/model"


@pytest.fixture
def version(run: Run, by_ada: Actor) -> ModelVersion:
    create_model(actor=by_ada, name="fraud")
    return create_version(actor=by_ada, name="fraud", source=f"runs:/{run.pk}/model", run_id=run.pk)


def evidence(run: Run) -> list[Callable[[Actor], object]]:
    return [
        lambda actor: set_tag(actor=actor, run_id=run.pk, key="k", value="v"),
        lambda actor: log_metric(actor=actor, run_id=run.pk, point=POINT),
        lambda actor: log_param(actor=actor, run_id=run.pk, key="p", value="1"),
        lambda actor: log_inputs(actor=actor, run_id=run.pk),
        lambda actor: update_run(actor=actor, run_id=run.pk, name="other"),
        lambda actor: delete_run(actor=actor, run_id=run.pk),
        lambda actor: store_artifact(actor=actor, path=f"{folder(run)}/more", stream=BytesIO(b"x")),
    ]


def test_who_manages_the_model_and_may_change_the_run_changes_it(
    run: Run, version: ModelVersion, by_ada: Actor
) -> None:
    set_tag(actor=by_ada, run_id=run.pk, key="k", value="v")
    log_metric(actor=by_ada, run_id=run.pk, point=POINT)


@pytest.mark.parametrize("number", range(7))
def test_the_right_to_the_run_alone_is_not_enough(run: Run, version: ModelVersion, by_cy: Actor, number: int) -> None:
    ExperimentGrant.objects.create(experiment=run.experiment, user_id=by_cy.user_id, level=ExperimentLevel.MANAGE)
    before = Event.objects.count()
    with pytest.raises(Denied, match="manage"):
        evidence(run)[number](by_cy)
    assert Event.objects.count() == before
    update_run(actor=by_cy, run_id=run.pk, status="FINISHED")


@pytest.mark.parametrize("number", range(7))
def test_the_right_to_the_model_alone_is_not_enough(
    run: Run, version: ModelVersion, cy: User, by_cy: Actor, number: int
) -> None:
    grant_level(user=cy, model=version.model, level=Level.MANAGE)
    before = Event.objects.count()
    with pytest.raises((Denied, NotFound)):
        evidence(run)[number](by_cy)
    assert Event.objects.count() == before


def test_reading_the_model_reads_its_run_and_not_the_siblings(
    run: Run, version: ModelVersion, cy: User, by_ada: Actor, by_cy: Actor
) -> None:
    sibling = create_run(actor=by_ada, experiment_id=run.experiment_id)
    with pytest.raises(NotFound):
        get_run(by_cy, run.pk)
    grant_level(user=cy, model=version.model, level=Level.READ)
    assert get_run(by_cy, run.pk).pk == run.pk
    assert may_read_path(by_cy, f"{folder(run)}/MLmodel")
    with pytest.raises(NotFound):
        get_run(by_cy, sibling.pk)


def test_registering_takes_edit_on_the_run(run: Run, by_cy: Actor) -> None:
    create_model(actor=by_cy, name="own")
    source = f"runs:/{run.pk}/model"
    with pytest.raises(NotFound):
        create_version(actor=by_cy, name="own", source=source, run_id=run.pk)
    grant = ExperimentGrant.objects.create(experiment=run.experiment, user_id=by_cy.user_id, level=ExperimentLevel.READ)
    with pytest.raises(Denied, match="edit"):
        create_version(actor=by_cy, name="own", source=source, run_id=run.pk)
    assert not ModelVersion.objects.exists()
    grant.level = ExperimentLevel.EDIT
    grant.save()
    create_version(actor=by_cy, name="own", source=source, run_id=run.pk)


def test_a_copy_takes_edit_on_the_model_it_is_of(version: ModelVersion, cy: User, by_cy: Actor) -> None:
    create_model(actor=by_cy, name="own")
    grant_level(user=cy, model=version.model, level=Level.READ)
    with pytest.raises(Denied, match="edit"):
        create_version(actor=by_cy, name="own", source="models:/fraud/1")
    assert not get_model(by_cy, "own").versions.exists()


def test_edges_into_a_run_and_a_version_take_the_right_to_them(
    run: Run, version: ModelVersion, cy: User, by_ada: Actor, by_cy: Actor
) -> None:
    record_consumed(actor=by_ada, run_id=run.pk, dataset="orders", version="v1")
    grant_level(user=cy, model=version.model, level=Level.READ)
    edges = Edge.objects.count()
    data = dataset_version_ref("orders", "v1")
    for src, dst, rel in (
        (data, run_ref(run.pk), Relation.CONSUMED),
        (version_ref("fraud", 1), version_ref("fraud", 1), Relation.DERIVED_FROM),
    ):
        with pytest.raises(Denied):
            declare_edge(actor=by_cy, src_urn=src, dst_urn=dst, rel=rel, role="other")
    assert Edge.objects.count() == edges


def test_the_run_of_an_evaluation_is_read_of_any_edge(run: Run, by_ada: Actor) -> None:
    """PostgreSQL may compute it before it leaves out the edges that lead to something else."""
    record_consumed(actor=by_ada, run_id=run.pk, dataset="orders", version="v1")
    consumed = Edge.objects.filter(rel=Relation.CONSUMED, dst__urn=run_ref(run.pk))
    assert consumed.annotate(run_id=_RUN_OF_EVALUATION).values_list("run_id", flat=True).get() == ""


def test_a_run_does_not_go_with_its_experiment_or_its_folder(run: Run, version: ModelVersion, by_cy: Actor) -> None:
    ExperimentGrant.objects.create(experiment=run.experiment, user_id=by_cy.user_id, level=ExperimentLevel.MANAGE)
    before = Event.objects.count()
    with pytest.raises(Denied, match="manage"):
        delete_experiment(actor=by_cy, experiment_id=run.experiment_id)
    for path in (f"{run.experiment_id}", f"{run.experiment_id}/{run.pk}"):
        with pytest.raises(Denied, match="manage"):
            delete_artifact(actor=by_cy, path=path)
    run.refresh_from_db()
    assert (run.lifecycle_stage, Event.objects.count()) == ("active", before)
