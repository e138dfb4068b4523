"""A registry to test in: ada's run with files, a model, and versions of it. No policies unless a test brings a gate."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from core.actors import Actor
from registry.models import ModelVersion, RegisteredModel
from registry.services.models import create_model
from registry.services.versions import create_version
from tests.conftest import Acting
from tracking.artifacts import store_artifact
from tracking.models import Experiment, Run

RUN = "a" * 32
ROOT = f"0/{RUN}/artifacts"
MLMODEL = """
artifact_path: model
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.7}
  sklearn: {sklearn_version: 1.9.0, pickled_model: model.pkl}
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}, {"type": "long", "name": "visits"}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
"""
NewVersion = Callable[[], ModelVersion]


@pytest.fixture(autouse=True)
def _own_store(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"
    settings.TRANSITION_GATES = []


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def run(by_ada: Actor) -> Run:
    """A finished run of ada's with a model folder."""
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )
    made = Run.objects.create(
        id=RUN,
        experiment=experiment,
        name="able-fox-1",
        created_by="ada",
        status="FINISHED",
        start_ms=1_700_000_000_000,
        artifact_uri=f"mlflow-artifacts:/{ROOT}",
    )
    store_artifact(actor=by_ada, path=f"{ROOT}/model/MLmodel", stream=io.BytesIO(MLMODEL.encode()))
    store_artifact(actor=by_ada, path=f"{ROOT}/model/model.pkl", stream=io.BytesIO(b"weights"))
    return made


@pytest.fixture
def fraud(by_ada: Actor) -> RegisteredModel:
    return create_model(actor=by_ada, name="fraud")


@pytest.fixture
def new_version(by_ada: Actor, fraud: RegisteredModel, run: Run) -> NewVersion:
    """Return a function that registers the next version of `fraud`."""

    def register() -> ModelVersion:
        return create_version(actor=by_ada, name=fraud.name, source=f"runs:/{run.id}/model", run_id=run.id)

    return register
