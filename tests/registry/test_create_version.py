"""Registering versions: which sources are let in, what is pinned, and that numbers are never given twice."""

from __future__ import annotations

import io
import json

import pytest
from pytest_django import Settings

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput, NotFound
from lineage.queries import ancestors, find_node
from registry.models import CardRevision, ModelVersion, RegisteredModel
from registry.services.aliases import set_alias
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.services.versions import (
    create_version,
    delete_version,
    delete_version_tag,
    set_version_tag,
    update_version,
)
from registry.sources import MAX_COPIES, download_uri
from registry.stages import Stage
from tests.conftest import Acting
from tests.registry.conftest import ROOT, RUN, NewVersion
from tracking.artifacts import folder_digest, store_artifact
from tracking.models import Experiment, LoggedModel, Run, Seal

MODEL_ID = "m-" + "b" * 32


def register(actor: Actor, source: str, *, run_id: str = RUN, model_id: str = "") -> ModelVersion:
    return create_version(actor=actor, name="fraud", source=source, run_id=run_id, model_id=model_id)


@pytest.fixture
def logged(run: Run, by_ada: Actor) -> LoggedModel:
    """A logged model of the run, with a file."""
    root = f"0/models/{MODEL_ID}/artifacts"
    store_artifact(actor=by_ada, path=f"{root}/MLmodel", stream=io.BytesIO(b"flavors: {}"))
    return LoggedModel.objects.create(
        id=MODEL_ID,
        experiment=run.experiment,
        name="clf",
        source_run=run,
        created_ms=1,
        updated_ms=1,
        artifact_uri=f"mlflow-artifacts:/{root}",
    )


@pytest.mark.parametrize("source", [f"runs:/{RUN}/model", f"mlflow-artifacts:/{ROOT}/model", f"runs:/{RUN}/model/"])
def test_a_folder_of_the_run_is_sealed_and_pinned(source: str, by_ada: Actor, fraud: RegisteredModel, run: Run) -> None:
    version = register(by_ada, source)
    assert version.artifact_path == f"{ROOT}/model"
    assert version.artifact_digest == folder_digest(f"{ROOT}/model") == Seal.objects.get().digest
    assert download_uri(version) == f"mlflow-artifacts:/{ROOT}/model"
    with pytest.raises(Conflict):
        store_artifact(actor=by_ada, path=f"{ROOT}/model/model.pkl", stream=io.BytesIO(b"other weights"))


@pytest.mark.parametrize("model_id", ["", MODEL_ID])
@pytest.mark.parametrize("run_id", ["", RUN])
def test_a_logged_model(by_ada: Actor, fraud: RegisteredModel, logged: LoggedModel, run_id: str, model_id: str) -> None:
    version = register(by_ada, f"models:/{MODEL_ID}", run_id=run_id, model_id=model_id)
    assert (version.run_id, version.logged_model_id) == (RUN, MODEL_ID)
    assert version.artifact_path == f"0/models/{MODEL_ID}/artifacts"


def test_a_logged_model_named_as_if_it_were_under_the_run(
    by_ada: Actor, fraud: RegisteredModel, logged: LoggedModel
) -> None:
    assert register(by_ada, f"runs:/{RUN}/clf").logged_model_id == MODEL_ID


def test_a_copy_keeps_bytes_run_and_origin(by_ada: Actor, new_version: NewVersion) -> None:
    original = new_version()
    create_model(actor=by_ada, name="fraud-prod")
    copy = create_version(actor=by_ada, name="fraud-prod", source="models:/fraud/1", run_id=RUN)
    assert copy.copied_from == original
    assert (copy.artifact_digest, copy.run_id) == (original.artifact_digest, RUN)


def test_copies_of_copies_end_where_nobody_would_find_the_first_author(
    by_ada: Actor, fraud: RegisteredModel, run: Run
) -> None:
    register(by_ada, f"runs:/{RUN}/model")
    for number in range(1, MAX_COPIES + 1):
        register(by_ada, f"models:/fraud/{number}")
    with pytest.raises(InvalidInput, match="chain of 40 copies"):
        register(by_ada, f"models:/fraud/{MAX_COPIES + 1}")
    assert ModelVersion.objects.count() == MAX_COPIES + 1


OUTSIDE = [
    "file:///etc", "/etc/", "//proc/self/root", "file://localhost/etc", "file:\\..\\..\\etc", "C:\\x",
    "http://h/api/2.0/mlflow-artifacts/artifacts/../../../", "http://169.254.169.254/", "http:///#/../../../../etc/",
    "mlflow-artifacts://h:9/models/..%2f..%2f", f"mlflow-artifacts:/{ROOT}/../../x", f"mlflow-artifacts:/{ROOT}%00",
    f"mlflow-artifacts:/{ROOT}/%2e%2e/x", f"mlflow-artifacts:/{ROOT}/%252e%252e/x", f"mlflow-artifacts:/{ROOT}-2/model",
    "mlflow-artifacts:/0/otherrun/artifacts/model", "mlflow-artifacts:/", f"mlflow-artifacts:/{ROOT}/a\\..\\b",
    f"mlflow-artifacts:///{ROOT}/model", "mlflow-artifacts:", "s3://bucket/x", "s3a://b/x/../../", "ftp://h/x", "s3:/b/../../o",
    "dbfs:/<run>/artifacts/a%3f/../../../../", "runs:/other/model", f"runs:/{RUN}/../x", f"runs:/{RUN}", "runs:/",
    "models:/m-doesnotexist", "models:/fraud/99", "models:/fraud/Production", "models:/fraud@champion", "models:/",
    "", " ", "x", f"runs:/{RUN}/mod\x00el", f"runs:/{RUN}/a\nb", "javascript:alert(1)",
]  # fmt: skip


@pytest.mark.parametrize("source", OUTSIDE)
def test_everything_else_is_refused(source: str, by_ada: Actor, fraud: RegisteredModel, run: Run) -> None:
    before = Event.objects.count()
    with pytest.raises(InvalidInput, match="Invalid model version source"):
        register(by_ada, source)
    fraud.refresh_from_db()
    assert (fraud.last_version, Seal.objects.count(), Event.objects.count()) == (0, 0, before)


def test_no_run_no_folder(by_ada: Actor, fraud: RegisteredModel, run: Run) -> None:
    for source in (f"runs:/{RUN}/model", f"mlflow-artifacts:/{ROOT}/model"):
        with pytest.raises(InvalidInput):
            register(by_ada, source, run_id="")


def test_an_unknown_run_or_model_is_missing(by_ada: Actor, fraud: RegisteredModel, run: Run) -> None:
    with pytest.raises(NotFound, match="Run with id=nope"):
        register(by_ada, "runs:/nope/model", run_id="nope")
    with pytest.raises(NotFound, match="Logged model"):
        register(by_ada, f"runs:/{RUN}/model", model_id="m-nope")


def test_a_run_cannot_lend_its_name_to_another_runs_model(
    by_ada: Actor, fraud: RegisteredModel, logged: LoggedModel
) -> None:
    other = Run.objects.create(
        id="c" * 32, experiment=logged.experiment, artifact_uri=f"mlflow-artifacts:/0/{'c' * 32}/artifacts"
    )
    for source in (f"models:/{MODEL_ID}", logged.artifact_uri):
        with pytest.raises(InvalidInput):
            register(by_ada, source, run_id=other.id, model_id=MODEL_ID)


@pytest.mark.parametrize(
    ("source", "allowed"),
    [
        ("s3://models/team/clf", True),
        ("s3://models/team", True),
        ("s3://models/teams/clf", False),
        ("s3://models/team/../x", False),
        ("s3://models/team/%2e%2e/x", False),
        ("s3://models/team//x", False),
        ("s3://models/team/x?y=1", False),
    ],
)
def test_locations_the_operator_allows(
    source: str, allowed: bool, settings: Settings, by_ada: Actor, fraud: RegisteredModel, run: Run
) -> None:
    settings.ALLOWED_SOURCES = ["s3://models/team/"]
    if not allowed:
        with pytest.raises(InvalidInput):
            register(by_ada, source)
        return
    version = register(by_ada, source)
    assert (version.artifact_path, version.artifact_digest, download_uri(version)) == ("", "", source)


class GovernedGate:
    """A gate that governs every model and refuses nothing."""

    def governs_model(self, *, model: RegisteredModel) -> bool:
        """Return whether this gate applies to any move of this model."""
        return model.name == "fraud"


EMPTY = {
    "of the run": f"runs:/{RUN}/nothing",
    "the run's root": f"mlflow-artifacts:/0/{'d' * 32}/artifacts",
    "the run's root by its id": f"runs:/{'d' * 32}/",
    "a trailing slash": f"runs:/{RUN}/nothing/",
    "a file": f"runs:/{RUN}/model/model.pkl",
    "a pending logged model": "models:/m-pending",
    "a deleted logged model": f"runs:/{RUN}/deleted",
    "another experiment": f"runs:/{'e' * 32}/model",
}


@pytest.fixture(params=EMPTY)
def empty(request: pytest.FixtureRequest, run: Run) -> tuple[str, str]:
    """Return a source without files and the run it belongs to."""
    other = Experiment.objects.create(name="other", created_ms=1, updated_ms=1, artifact_location="mlflow-artifacts:/9")
    for run_id, experiment in (("d" * 32, run.experiment), ("e" * 32, other)):
        uri = f"mlflow-artifacts:/{experiment.pk if experiment.pk == 0 else 9}/{run_id}/artifacts"
        Run.objects.create(id=run_id, experiment=experiment, artifact_uri=uri)
    for name, lifecycle in (("pending", "active"), ("deleted", "deleted")):
        LoggedModel.objects.create(
            id=f"m-{name}",
            experiment=run.experiment,
            name=name,
            source_run=run,
            lifecycle_stage=lifecycle,
            created_ms=1,
            updated_ms=1,
            artifact_uri=f"mlflow-artifacts:/0/models/m-{name}/artifacts",
        )
    source = EMPTY[request.param]
    return source, next((run_id for run_id in ("d" * 32, "e" * 32) if run_id in source), RUN)


def test_an_empty_folder_stays_empty(by_ada: Actor, fraud: RegisteredModel, empty: tuple[str, str]) -> None:
    version = register(by_ada, empty[0], run_id=empty[1])
    assert (version.artifact_digest, Seal.objects.get().digest) == ("", "")
    for path in (version.artifact_path, f"{version.artifact_path}/late.pkl", f"{version.artifact_path}//a/b"):
        with pytest.raises((Conflict, InvalidInput)):
            store_artifact(actor=by_ada, path=path, stream=io.BytesIO(b"unseen"))
    assert register(by_ada, empty[0], run_id=empty[1]).version == 2


def test_an_empty_folder_of_a_governed_model_is_refused(
    by_ada: Actor, fraud: RegisteredModel, empty: tuple[str, str], settings: Settings
) -> None:
    settings.TRANSITION_GATES = [f"{__name__}.GovernedGate"]
    before = Event.objects.count()
    with pytest.raises(InvalidInput, match="has no files, and a policy governs fraud"):
        register(by_ada, empty[0], run_id=empty[1])
    fraud.refresh_from_db()
    assert (fraud.last_version, Seal.objects.count(), Event.objects.count()) == (0, 0, before)


def test_a_copy_without_files_is_no_way_into_a_governed_model(
    by_ada: Actor, fraud: RegisteredModel, run: Run, settings: Settings
) -> None:
    create_model(actor=by_ada, name="free")
    create_version(actor=by_ada, name="free", source=f"runs:/{RUN}/nothing", run_id=RUN)
    settings.TRANSITION_GATES = [f"{__name__}.GovernedGate"]
    with pytest.raises(InvalidInput, match="has no files"):
        register(by_ada, "models:/free/1")


def test_one_stray_file_is_sealed_as_it_is(by_ada: Actor, fraud: RegisteredModel, run: Run) -> None:
    store_artifact(actor=by_ada, path=f"{ROOT}/stray/note.txt", stream=io.BytesIO(b"x"))
    assert register(by_ada, f"runs:/{RUN}/stray").artifact_digest == folder_digest(f"{ROOT}/stray")
    with pytest.raises(Conflict):
        store_artifact(actor=by_ada, path=f"{ROOT}/stray/model.pkl", stream=io.BytesIO(b"unseen"))


def test_bytes_elsewhere_need_no_files_here(
    by_ada: Actor, fraud: RegisteredModel, run: Run, settings: Settings
) -> None:
    settings.TRANSITION_GATES = [f"{__name__}.GovernedGate"]
    settings.ALLOWED_SOURCES = ["s3://models/"]
    assert register(by_ada, "s3://models/x").artifact_digest == ""
    assert not Seal.objects.exists()


def test_the_logged_model_names_its_versions(by_ada: Actor, fraud: RegisteredModel, logged: LoggedModel) -> None:
    for _ in range(2):
        register(by_ada, f"models:/{MODEL_ID}", model_id=MODEL_ID)
    register(by_ada, f"runs:/{RUN}/clf")  # as on MLflow's servers, only where the client names the logged model
    tag = logged.tags.get(key="mlflow.modelVersions")
    assert json.loads(tag.value) == [{"name": "fraud", "version": 1}, {"name": "fraud", "version": 2}]


def test_a_deleted_number_is_not_given_again(by_ada: Actor, new_version: NewVersion) -> None:
    new_version()
    delete_version(actor=by_ada, name="fraud", version=1)
    assert new_version().version == 2


def test_registering_writes_card_lineage_and_events(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    assert CardRevision.objects.get().number == 1
    closure = ancestors(find_node("model-version:fraud/1"))
    assert f"run:{RUN}" in {node.urn for node in closure.nodes}
    actions = Event.objects.filter(stream=f"model:{version.model_id}").order_by("id").values_list("action", flat=True)
    assert list(actions) == ["registry.model.created", "registry.version.created", "registry.card.created"]


def test_who_may_not_edit_registers_nothing(
    settings: Settings, cy: User, acting: Acting, fraud: RegisteredModel, run: Run
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(Denied):
        register(acting(cy), f"runs:/{RUN}/model")
    assert not ModelVersion.objects.exists()


def test_description_and_tags(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    assert update_version(actor=by_ada, name="fraud", version=1, description="v1").description == "v1"
    set_version_tag(actor=by_ada, name="fraud", version=1, key="a", value="1")
    set_version_tag(actor=by_ada, name="fraud", version=1, key="b", value="2")
    delete_version_tag(actor=by_ada, name="fraud", version=1, key="a")
    assert {tag.key: tag.value for tag in version.tags.all()} == {"b": "2"}


def test_deleting_takes_the_aliases_along(by_ada: Actor, new_version: NewVersion) -> None:
    version = new_version()
    set_alias(actor=by_ada, name="fraud", alias="champion", version=1)
    delete_version(actor=by_ada, name="fraud", version=1)
    assert not version.aliases.exists()
    with pytest.raises(NotFound):
        update_version(actor=by_ada, name="fraud", version=1, description="")


def test_the_current_version_is_not_deleted(by_ada: Actor, new_version: NewVersion) -> None:
    change_stage(actor=by_ada, version=new_version(), target=Stage.PRODUCTION, archive_existing=False, reason="")
    with pytest.raises(Conflict):
        delete_version(actor=by_ada, name="fraud", version=1)
    assert ModelVersion.objects.get().deleted_at is None


@pytest.mark.parametrize("number", [0, -1, 99, 2**31, 2**70])
def test_versions_there_are_not(number: int, by_ada: Actor, fraud: RegisteredModel) -> None:
    with pytest.raises(NotFound):
        update_version(actor=by_ada, name="fraud", version=number, description="")
