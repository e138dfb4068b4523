"""A governed registry: the default policies, ada's trained model registered,
its checks run in this process on demand.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import Case, load_case
from approvals.models import CheckRun, CheckState, TransitionRequest
from approvals.policy_changes.publish import ensure_default_policies
from approvals.requests.open import open_request
from core.actors import Actor, system_actor
from policies.models import PolicyRevision
from registry.cards import HUMAN_KEYS
from registry.models import ModelVersion, RegisteredModel
from registry.queries import current_card
from registry.services.cards import edit_card
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.services.versions import create_version
from registry.stages import Stage
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tests.validation.conftest import MODELS
from tracking.artifacts import store_artifact
from tracking.limits import Point
from tracking.models import Experiment, Run
from tracking.services.logging import log_metric, set_tag

TAGS = {"dataset_version": "orders_v2.1+users_v3.0", "git_commit": "b7d9e4", "triggered_by": "ci/github-actions"}
NewVersion = Callable[..., ModelVersion]
RunChecks = Callable[[TransitionRequest], Case]
Ask = Callable[..., TransitionRequest]


@pytest.fixture(autouse=True)
def _own_store(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"
    settings.CHECK_WAIT_SECONDS = 0
    settings.BASE_URL = "http://custody.test"


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def by_bea(bea: User, acting: Acting) -> Actor:
    return acting(bea)


@pytest.fixture
def policies(db: None) -> list[PolicyRevision]:
    return ensure_default_policies(actor=system_actor("test"))


@pytest.fixture
def new_version(by_ada: Actor) -> NewVersion:
    """Return a function that trains, logs and registers the next version of `fraud`, with its card filled in.

    Each has files of its own, unless it asks for the ``same`` as others that ask for them.
    """
    if not RegisteredModel.objects.filter(name="fraud").exists():  # a recorded fixture may have made it
        create_model(actor=by_ada, name="fraud")
    experiment, _ = Experiment.objects.get_or_create(
        pk=0, defaults={"name": "Default", "created_ms": 1, "updated_ms": 1}
    )

    def register(
        *, auc: float | None = 0.93, card: bool = True, tags: dict[str, str] | None = None, same: bool = False
    ) -> ModelVersion:
        number = ModelVersion.objects.count() + 1
        run_id = f"{number:032x}"
        root = f"0/{run_id}/artifacts"
        Run.objects.create(
            id=run_id,
            experiment=experiment,
            created_by="ada",
            artifact_uri=f"mlflow-artifacts:/{root}",
            status="RUNNING",
            start_ms=1,
        )
        for key, value in (TAGS if tags is None else tags).items():
            set_tag(actor=by_ada, run_id=run_id, key=key, value=value)
        if auc is not None:
            log_metric(actor=by_ada, run_id=run_id, point=Point(key="val_auc", value=auc, timestamp_ms=1))
        for file in sorted((MODELS / "mlflow").iterdir()):
            with file.open("rb") as stream:
                store_artifact(actor=by_ada, path=f"{root}/model/{file.name}", stream=stream)
        if not same:
            note = io.BytesIO(f"Trained as number {number}.".encode())
            store_artifact(actor=by_ada, path=f"{root}/model/note.txt", stream=note)
        version = create_version(actor=by_ada, name="fraud", source=f"runs:/{run_id}/model", run_id=run_id)
        if card:
            fill_card(by_ada, version)
        return version

    return register


def fill_card(actor: Actor, version: ModelVersion, words: str = "Written by somebody who knows.") -> None:
    """Write every human field of a card."""
    fields = dict.fromkeys(HUMAN_KEYS, words)
    edit_card(actor=actor, version=version, fields=fields, expected_number=current_card(version).number)


@pytest.fixture
def run_checks() -> RunChecks:
    """Return a function that does a worker's work on a request: every queued check, then a look at the verdict."""

    def work(request: TransitionRequest) -> Case:
        queued = CheckRun.objects.filter(request=request, state=CheckState.QUEUED).values_list("pk", flat=True)
        for _ in range(3):  # a look may queue checks again
            for pk in list(queued.all()):
                tasks.run_check(pk)
            tasks.settle_request(request.pk)
            if not queued.all().exists():
                break
        return load_case(reread(request))

    return work


def reread(request: TransitionRequest) -> TransitionRequest:
    """Return a request as it is now."""
    return TransitionRequest.objects.with_relations().get(pk=request.pk)


@pytest.fixture
def ask(policies: list[PolicyRevision], by_ada: Actor) -> Ask:
    """Return a function that opens ada's request to move a version of `fraud`."""

    def opened(
        version: ModelVersion, target: Stage = Stage.PRODUCTION, *, archive_existing: bool = True
    ) -> TransitionRequest:
        return open_request(
            actor=by_ada, name="fraud", version=version.version, target=target, archive_existing=archive_existing
        )

    return opened


@pytest.fixture
def serving(new_version: NewVersion, settings: Settings) -> ModelVersion:
    """Version 1, in Production from the time before there were policies."""
    version = new_version(auc=0.93)
    gates, settings.TRANSITION_GATES = settings.TRANSITION_GATES, []
    moved = change_stage(
        actor=system_actor("test"), version=version, target=Stage.PRODUCTION, archive_existing=False, reason="before"
    )
    settings.TRANSITION_GATES = gates
    return moved


def ask_and_check(new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """Return a request for Production whose checks all passed: only the reviewer is missing."""
    opened = ask(new_version())
    run_checks(opened)
    return reread(opened)


@pytest.fixture
@recorded_fixture
def ready(new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    return ask_and_check(new_version, ask, run_checks)
