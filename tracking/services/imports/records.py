"""Experiments, runs and logged models as they were on another tracking server. Times are milliseconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tracking.models import Lifecycle
from tracking.services.inputs import DatasetInput


@dataclass(frozen=True, slots=True)
class OldExperiment:
    """An experiment as it was."""

    name: str
    created_ms: int
    updated_ms: int
    lifecycle: str = Lifecycle.ACTIVE.value
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OldRun:
    """A run as it was, without its metrics and the logged models it read or made."""

    id: str
    name: str
    user_id: str
    status: str
    start_ms: int
    end_ms: int | None
    lifecycle: str = Lifecycle.ACTIVE.value
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Sequence[DatasetInput] = ()


@dataclass(frozen=True, slots=True)
class OldLoggedModel:
    """A logged model as it was."""

    id: str
    name: str
    model_type: str
    source_run_id: str
    status: str
    created_ms: int
    updated_ms: int
    lifecycle: str = Lifecycle.ACTIVE.value
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
