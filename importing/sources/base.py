"""The interface of the sources of an import. An import only reads its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from importing.sources.governance import GovernanceSource
from registry.services.imports import ImportedModel, ImportedVersion
from traces.services.infos import TraceInfo
from tracking.limits import Point
from tracking.services.imports.records import OldExperiment, OldLoggedModel, OldRun
from tracking.store import ByteSource


class SourceError(Exception):
    """The source cannot be read. The message says why."""


class FilesUnreachable(Exception):
    """The files of one run or logged model cannot be read. The message says why."""


@dataclass(frozen=True, slots=True)
class Counts:
    """The numbers of items in a source."""

    experiments: int = 0
    runs: int = 0
    logged_models: int = 0
    models: int = 0
    versions: int = 0
    traces: int = 0


@dataclass(frozen=True, slots=True)
class Owner:
    """A run, a logged model or a trace that has files. ``uri`` is its artifact folder in the source."""

    kind: str  # "run", "logged_model" or "trace"
    id: str
    uri: str


@dataclass(frozen=True, slots=True)
class SourceExperiment:
    """An experiment with its id in the source."""

    id: str
    old: OldExperiment


@dataclass(frozen=True, slots=True)
class SourceRun:
    """A run, with the keys of its metrics where the source lists them."""

    old: OldRun
    artifact_uri: str
    metric_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """The ids of the logged models that a run read (``inputs``), and of those that it made (``outputs``: id → step)."""

    inputs: Sequence[str]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SourceLoggedModel:
    """A logged model. ``points`` are the metric values that name it, by the id of the run that logged them."""

    old: OldLoggedModel
    artifact_uri: str
    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A registered model with its aliases (alias → version number)."""

    old: ImportedModel
    aliases: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """A version with its source at the old server. ``stage`` is the name of the stage in MLflow."""

    old: ImportedVersion
    stage: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file: its path relative to the folder of its owner, and a function that opens it."""

    path: str
    open: Callable[[], AbstractContextManager[ByteSource]]


@dataclass(frozen=True, slots=True)
class SourceTrace:
    """A trace without its spans; ``artifact_uri`` is its folder in the source."""

    info: TraceInfo
    artifact_uri: str = ""


class Source(Protocol):
    """A server or database to import from. Every method may raise SourceError."""

    @property
    def origin(self) -> str:
        """Return the address, without credentials."""

    def check(self) -> None:
        """Raise SourceError where this is not a readable MLflow server or database."""

    def counts(self) -> Counts:
        """Return the numbers of items."""

    def experiments(self) -> Iterator[SourceExperiment]:
        """Yield all experiments, deleted ones included."""

    def runs(self, experiment_id: str) -> Iterator[SourceRun]:
        """Yield all runs of an experiment, the oldest first."""

    def logged_models(self, experiment_id: str) -> Iterator[SourceLoggedModel]:
        """Yield all logged models of an experiment, the oldest first."""

    def traces(self, experiment_id: str) -> Iterator[SourceTrace]:
        """Yield all traces of an experiment with tags, metadata and assessments, the oldest first."""

    def spans(self, trace_id: str) -> bytes:
        """Return the spans of a trace as a JSON object with a list of spans; empty where they are in a file."""

    def history(self, run: SourceRun) -> Iterator[Point]:
        """Yield every value of every metric of a run."""

    def links(self, run_id: str) -> Links:
        """Return the logged models that a run read and made."""

    def models(self) -> Iterator[SourceModel]:
        """Yield all registered models, without prompts."""

    def versions(self) -> Iterator[SourceVersion]:
        """Yield all versions of all models, grouped by model."""

    def unsupported(self) -> Iterator[tuple[str, int]]:
        """Yield the kinds of items that cannot be imported, each with the number of items."""

    @property
    def workspace(self) -> GovernanceSource | None:
        """Return the calls of a Databricks workspace, None for a source that cannot have them."""

    def close(self) -> None:
        """Close the connections."""


class Files(Protocol):
    """Reads the files of runs and logged models."""

    def of(self, owner: Owner) -> Iterator[SourceFile]:
        """Yield the files of an owner. Raises FilesUnreachable. Raises SourceError where the source does not answer."""
