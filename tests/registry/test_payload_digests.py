"""The payload digest of a version: the same for the same bytes under any name, and who sent them before."""

from __future__ import annotations

import importlib
import io
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from core.actors import Actor
from registry.models import ModelVersion, PayloadOrigin, RegisteredModel
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.registry.conftest import NewVersion
from tests.signed_in import actor_of
from tracking.artifacts import delete_artifact, store_artifact
from tracking.models import Experiment, LoggedModel, Run, SentFile
from tracking.payloads import origin_of, payload_digest

WEIGHTS = ("model.pkl", "ab" * 32, 7)


@pytest.mark.parametrize(
    "name",
    [
        "MLmodel",
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
        "registered_model_meta",
        "input_example.json",
        "serving_input_example.json",
    ],
)
def test_files_that_are_written_anew_do_not_count(name: str) -> None:
    assert payload_digest([WEIGHTS, (name, "cd" * 32, 1)]) == payload_digest([WEIGHTS])


def test_only_the_root_has_such_files() -> None:
    assert payload_digest([WEIGHTS, ("code/MLmodel", "cd" * 32, 1)]) != payload_digest([WEIGHTS])


def test_no_files_have_no_payload() -> None:
    assert payload_digest([]) == ""
    assert payload_digest([("MLmodel", "cd" * 32, 1)]) != ""


@given(st.lists(st.tuples(st.text("ab/", min_size=1), st.sampled_from(["11", "22", "33"]), st.integers(0, 9))))
def test_names_order_and_repetition_do_not_matter(files: list[tuple[str, str, int]]) -> None:
    renamed = [(f"{number}.bin", sha256, size) for number, (_, sha256, size) in enumerate(files)]
    assert payload_digest(files) == payload_digest([*reversed(renamed), *renamed])


@pytest.mark.parametrize(
    ("path", "origin"),
    [("0/abc/artifacts/model/a", "abc"), ("0/models/m-1/artifacts/a", "m-1"), ("x/y/z", "x/y"), ("x", "x")],
)
def test_the_origin_of_a_path(path: str, origin: str) -> None:
    assert origin_of(path) == origin


def sent(actor: Actor, number: int, name: str = "renamed.bin", content: bytes = b"weights") -> Run:
    """Return a new run of the actor's that holds one file in the folder `model`."""
    run_id = f"{number:032x}"
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )
    run = Run.objects.create(
        id=run_id,
        experiment=experiment,
        created_by=actor.name,
        start_ms=1,
        artifact_uri=f"mlflow-artifacts:/0/{run_id}/artifacts",
    )
    store_artifact(actor=actor, path=f"0/{run_id}/artifacts/model/{name}", stream=io.BytesIO(content))
    return run


def register(actor: Actor, name: str, run: Run) -> ModelVersion:
    return create_version(actor=actor, name=name, source=f"runs:/{run.id}/model", run_id=run.id)


def origins(version: ModelVersion, kind: str) -> set[str]:
    return set(PayloadOrigin.objects.filter(version=version, kind=kind).values_list("name", flat=True))


def test_the_same_bytes_under_another_name(new_version: NewVersion, cy: User) -> None:
    first = new_version()
    by_cy = actor_of(cy)
    create_model(actor=by_cy, name="other")
    run = sent(by_cy, 1)
    second = register(by_cy, "other", run)
    assert first.payload_digest == second.payload_digest
    assert first.artifact_digest != second.artifact_digest
    assert origins(second, "author") == {"ada"}
    assert origins(second, "run") == {first.run_id}
    assert not PayloadOrigin.objects.filter(version=first).exists()


def test_a_copy_keeps_the_payload(by_ada: Actor, new_version: NewVersion) -> None:
    first = new_version()
    create_model(actor=by_ada, name="copy")
    copy = create_version(actor=by_ada, name="copy", source="models:/fraud/1")
    assert copy.payload_digest == first.payload_digest != ""


def test_who_sent_the_bytes_and_deleted_them_is_known(by_ada: Actor, fraud: RegisteredModel, cy: User) -> None:
    by_cy = actor_of(cy)
    early = sent(by_cy, 1)
    delete_artifact(actor=by_cy, path=f"0/{early.id}/artifacts")
    version = register(by_ada, "fraud", sent(by_ada, 2))
    assert origins(version, "author") == {"cy"}
    assert origins(version, "run") == {early.id}


def test_a_logged_model_names_its_run(by_ada: Actor, fraud: RegisteredModel, cy: User, run: Run) -> None:
    logged = LoggedModel.objects.create(
        id="m-" + "b" * 32,
        experiment=run.experiment,
        name="clf",
        source_run=run,
        created_by="ops",
        created_ms=1,
        updated_ms=1,
        artifact_uri=f"mlflow-artifacts:/0/models/m-{'b' * 32}/artifacts",
    )
    store_artifact(actor=actor_of(cy), path=f"0/models/{logged.id}/artifacts/w", stream=io.BytesIO(b"other"))
    version = register(by_ada, "fraud", sent(by_ada, 2, content=b"other"))
    assert origins(version, "author") == {"cy", "ops"}
    assert origins(version, "run") == {run.id}


def test_a_single_file_of_several_is_not_the_payload(by_ada: Actor, fraud: RegisteredModel, cy: User) -> None:
    sent(actor_of(cy), 1)
    run = sent(by_ada, 2)
    store_artifact(actor=by_ada, path=f"0/{run.id}/artifacts/model/more", stream=io.BytesIO(b"more"))
    assert origins(register(by_ada, "fraud", run), "author") == set()


def test_sent_again_is_kept_once(by_ada: Actor, cy: User) -> None:
    run = sent(by_ada, 1)
    for content in (b"other", b"weights"):
        store_artifact(actor=by_ada, path=f"0/{run.id}/artifacts/model/renamed.bin", stream=io.BytesIO(content))
    assert SentFile.objects.count() == 2  # two contents


def test_old_versions_are_filled(new_version: NewVersion, cy: User) -> None:
    first, by_cy = new_version(), actor_of(cy)
    create_model(actor=by_cy, name="other")
    second = register(by_cy, "other", sent(by_cy, 1))
    third = create_version(actor=by_cy, name="other", source="models:/other/1")
    payload = first.payload_digest
    ModelVersion.objects.update(payload_digest="")
    migration = importlib.import_module("registry.migrations.0003_payload_digests_of_old_versions")
    migration.fill(apps, SimpleNamespace(connection=connection))
    assert set(ModelVersion.objects.values_list("payload_digest", flat=True)) == {payload}
    assert origins(second, "author") == {"ada"}
    assert origins(third, "author") == {"ada"}
