"""Every tracking test keeps its bytes in a directory of its own; ada logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from tests.conftest import Acting
from tracking.models import Experiment, Run
from tracking.services.experiments import create_experiment
from tracking.services.runs import create_run

NewRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"
    return tmp_path / "artifacts"


@pytest.fixture
def actor(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def experiment(actor: Actor) -> Experiment:
    return create_experiment(actor=actor, name="churn")


@pytest.fixture
def new_run(actor: Actor, experiment: Experiment) -> NewRun:
    """Return a function that starts a run in the experiment."""
    return lambda **fields: create_run(actor=actor, **{"experiment_id": experiment.pk, **fields})


@pytest.fixture
def run(new_run: NewRun) -> Run:
    return new_run(name="exp-47b", start_ms=1000)


def actions() -> list[str]:
    """Return the actions recorded so far, oldest first."""
    return list(Event.objects.order_by("id").values_list("action", flat=True))
