"""ada's traces: spans as OpenTelemetry's exporters send them, and traces as MLflow's client does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from audit.models import Event
from core.actors import Actor
from tests.conftest import Acting
from traces.services.infos import TraceInfo
from traces.spans import SpanData, typed
from tracking.models import Experiment
from tracking.services.experiments import create_experiment

TRACE = "tr-" + "ab" * 16
SECOND = 1_700_000_000_000_000_000


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"
    return tmp_path / "artifacts"


@pytest.fixture
def actor(ada: User, acting: Acting) -> Actor:
    return acting(ada)


@pytest.fixture
def experiment(actor: Actor) -> Experiment:
    return create_experiment(actor=actor, name="assistant")


def new_span(number: int = 1, *, parent: int = 0, trace: str = TRACE, **fields: Any) -> SpanData:
    """Return a span of one second that starts ``number`` seconds after the first; the parent is named by its number."""
    attributes = {key: typed(value) for key, value in fields.pop("attributes", {}).items()}
    given: dict[str, Any] = {
        "trace_id": trace,
        "span_id": f"{number:016x}",
        "parent_id": f"{parent:016x}" if parent else "",
        "name": f"step {number}",
        "start_ns": SECOND + number * 1_000_000_000,
        "end_ns": SECOND + (number + 1) * 1_000_000_000,
        "attributes": attributes,
    }
    return SpanData(**(given | fields))


def new_info(experiment: Experiment, **fields: Any) -> TraceInfo:
    given: dict[str, Any] = {"trace_id": TRACE, "experiment_id": str(experiment.pk), "request_ms": 1000, "state": "OK"}
    return TraceInfo(**(given | fields))


def actions() -> list[str]:
    """Return the actions recorded so far, oldest first, but for the experiment's."""
    found = Event.objects.order_by("id").exclude(action="tracking.experiment.created")
    return list(found.values_list("action", flat=True))


@pytest.fixture
def bot_actor(bot: User, acting: Acting) -> Actor:
    return acting(bot)
