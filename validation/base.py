"""Validation checks: the interface of a check, the facts it reads, and its result with evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from core.canonical import digest_of
from validation.params import Param, parse_params, with_params

Progress = Callable[[int], None]
"""Called at intervals with the percentage done; it also renews the lease of the job.

It raises when the job was cancelled, was given to another worker or has run out of time.
"""

FAST_SECONDS, SLOW_SECONDS = 60, 3600


@runtime_checkable
class JobLog(Protocol):
    """The log of a job, which people follow while the check runs: the progress callback of a worker is one as well."""

    def log(self, line: str) -> None:
        """Add a line."""


def log_line(progress: Progress, line: str) -> None:
    """Add a line to the log of the job; nothing where the caller keeps no log."""
    if isinstance(progress, JobLog):
        progress.log(line)


# MLflow stores infinities as the largest double; nothing that is measured is this large.
_LARGEST = 1.797e308


def is_usable(value: float) -> bool:
    """Return whether a metric can be compared: it is finite, and not what MLflow stores for an infinity."""
    return math.isfinite(value) and abs(value) < _LARGEST


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts of a run that checks read. Metrics are the latest values that are finite.

    ``unusable`` are the metrics whose latest value is not a finite number: no comparison passes with one of them.
    """

    run_id: str = ""
    created_by: str = ""
    writers: tuple[str, ...] = ()
    """Everybody who logged to the run besides its creator."""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    unusable: tuple[str, ...] = ()
    datasets: tuple[tuple[str, str, str], ...] = ()
    """(name, digest, context) of each dataset the run logged as its input, sorted."""
    measured_on: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """(name, digest) of the dataset each metric was logged with, of those that name one."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The newest revision of the model card.

    ``missing`` are the human fields that are still empty, ``written`` all fields with content, ``editors`` the
    authors of all revisions.
    """

    digest: str = ""
    missing: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The version that would be replaced: the current Production version, or the one the alias points to.

    ``place`` says where it is, as text that follows its number.
    """

    version_id: int
    number: int
    run: RunFacts
    artifact_path: str = ""
    artifact_digest: str = ""
    place: str = "in Production"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The quarantined ancestors of a version, by URN, sorted.

    ``complete`` is False where the ancestry was too large to walk.
    """

    quarantined: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of evidence about a subject, and its writer. ``kind`` is one of approvals/case/evidence.py: KINDS."""

    name: str
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a verdict: a version, the target it is to move to, and all facts that checks and reviews read.

    ``source`` is its stage since ``staged_at``. ``tier`` is the model's risk tier, as policies name it.
    ``predecessor`` is the last version promoted to Production, where Production is empty now. ``written`` is the
    evidence that people wrote by hand. ``baseline`` is the last version of the model that passed a full validation.
    ``leaves`` is what the version leaves by the move with no successor: Production, an @alias, or "". ``deployed``: an
    deployment serves it that is open or ended lately; False where the version can leave nothing by the move.
    ``ended_by`` are those who ended a deployment of it, and their owners. ``attested_at`` is when the owner last
    attested the model.
    """

    model_id: int
    model_name: str
    version_id: int
    number: int
    target: str
    archive_existing: bool
    artifact_path: str
    artifact_digest: str
    authors: tuple[str, ...]
    tags: Mapping[str, str]
    run: RunFacts
    card: CardFacts
    incumbent: Incumbent | None
    source: str = ""
    staged_at: datetime | None = None
    model_tags: Mapping[str, str] = field(default_factory=dict)
    tier: str = ""
    ancestry: Ancestry = field(default_factory=Ancestry)
    predecessor: Incumbent | None = None
    written: tuple[Written, ...] = ()
    baseline: Incumbent | None = None
    leaves: str = ""
    deployed: bool = False
    ended_by: frozenset[str] = frozenset()
    attested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that a check attaches to its result, such as a report, a table or a log.

    Stored under its SHA-256, never changed.
    """

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    ``evidence`` holds no times, and nothing else that differs between two runs on the same facts.
    """

    passed: bool
    summary: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    files: tuple[EvidenceFile, ...] = ()


class Check(Protocol):
    """A validation check. It only reads; the model's code is run by `model.smoke` alone, in its sandbox.

    A check may also have ``description`` (a sentence: when it passes), ``params`` (validation.params), ``queue``
    ("fast" or "slow"), ``seconds`` (its time limit), ``posted`` (its result comes from outside) and ``confirm`` (run
    once more inside the promoting transaction). ParamsCheck has their defaults.
    """

    code: str

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters of a rule with their defaults. Raises InvalidInput, which names the problem."""

    def describe(self, params: Mapping[str, object]) -> str:
        """Return a sentence that tells a reader of the policy what must be true of a version.

        ``params`` come from `parse`. The sentence is shown on the page of a policy, so it does not depend on a version.
        """

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the facts that the check reads, as plain values, without slow work.

        When they change, an earlier result no longer counts.
        """

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return the result for a version. Every exception is an error of the check, never a pass."""


class ParamsCheck:
    """Base class of a check whose parameters are described as data."""

    code: ClassVar[str]
    description: ClassVar[str] = ""
    params: ClassVar[tuple[Param, ...]] = ()
    queue: ClassVar[str] = "fast"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters of a rule with their defaults. Raises InvalidInput, which names the problem."""
        return parse_params(self.params, params)

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the description, with the parameters that differ from their defaults in brackets behind it."""
        return with_params(self.description or f"The check {self.code} must pass.", self.params, params)


def seconds_for(check: object) -> int:
    """Return the time limit of a check in seconds."""
    usual = SLOW_SECONDS if getattr(check, "queue", "fast") == "slow" else FAST_SECONDS
    return int(getattr(check, "seconds", usual))


def inputs_digest(check: Check, params: Mapping[str, object], subject: Subject) -> str:
    """Return the digest (SHA-256, hex) of what a check would read now.

    Raises InvalidInput for parameters that it does not take.
    """
    return digest_of(
        {"check": check.code, "params": dict(params), "inputs": check.inputs(subject, check.parse(params))}
    )
