"""What every kind of source offers. A source is read and never written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from registry.services.imports import OldModel, OldVersion
from tracking.limits import Point
from tracking.services.imports.records import OldExperiment, OldLoggedModel, OldRun
from tracking.store import ByteSource


class SourceError(Exception):
    """The source cannot be read (any more); the message is for the operator."""


class Unreachable(Exception):
    """The files of one run or logged model cannot be read from here; the message says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a source holds."""

    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    models: int = 0
    versions: int = 0


@dataclass(frozen=True, slots=True)
class Owner:
    """A run or a logged model as the owner of files; ``uri`` is its artifact folder there."""

    kind: str  # "run" or "logged_model"
    id: str
    uri: str


@dataclass(frozen=True, slots=True)
class FoundExperiment:
    """An experiment and its id there."""

    id: str
    old: OldExperiment


@dataclass(frozen=True, slots=True)
class FoundRun:
    """A run, and the keys of its metrics where the source tells them."""

    old: OldRun
    artifact_uri: str
    metric_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """The ids of the logged models a run read, and of those it made (id → step)."""

    inputs: Sequence[str]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FoundLoggedModel:
    """A logged model and the metrics that name it, by the run that logged them."""

    old: OldLoggedModel
    artifact_uri: str
    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A registered model and its aliases (alias → version number)."""

    old: OldModel
    aliases: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FoundVersion:
    """A version; its source is still the one it has there, ``stage`` is MLflow's name."""

    old: OldVersion
    stage: str


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file: path relative to its owner's folder, and how to open it."""

    path: str
    open: Callable[[], AbstractContextManager[ByteSource]]


class Source(Protocol):
    """An old server. Every method may raise SourceError."""

    @property
    def origin(self) -> str:
        """The address, without credentials."""
        ...

    def check(self) -> None:
        """Raise SourceError unless this is an MLflow server (or its database) that lets us read."""
        ...

    def counts(self) -> Counts: ...
    def experiments(self) -> Iterator[FoundExperiment]: ...
    def runs(self, experiment_id: str) -> Iterator[FoundRun]: ...
    def logged_models(self, experiment_id: str) -> Iterator[FoundLoggedModel]: ...

    def history(self, run: FoundRun) -> Iterator[Point]:
        """Yield every value of every metric of a run."""
        ...

    def links(self, run_id: str) -> Links: ...
    def models(self) -> Iterator[FoundModel]: ...

    def versions(self) -> Iterator[FoundVersion]:
        """Yield all versions of all models, each model's own together."""
        ...

    def left_behind(self) -> Iterator[tuple[str, int]]:
        """Yield what is there and has no place here, and how many."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class Files(Protocol):
    """Where the files of runs and logged models are read."""

    def of(self, owner: Owner) -> Iterator[OldFile]:
        """Yield the files of an owner. Raises Unreachable; SourceError where nothing answers any more."""
        ...
