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
"""Callback that a check calls at intervals with the percentage done. It also renews the lease of the job.

It raises an exception if the job was cancelled, was given to another worker, or has reached its time limit.
"""

FAST_SECONDS, SLOW_SECONDS = 60, 3600


@runtime_checkable
class JobLog(Protocol):
    """The log of a job, which people read while the check runs. The progress callback of a worker also is a JobLog."""

    def log(self, line: str) -> None:
        """Add a line to the log."""


def log_line(progress: Progress, line: str) -> None:
    """Add a line to the log of the job; do nothing if ``progress`` is no JobLog."""
    if isinstance(progress, JobLog):
        progress.log(line)


# MLflow stores infinities as the largest double; nothing that is measured is this large.
_LARGEST = 1.797e308


def is_usable(value: float) -> bool:
    """Return whether a metric can be compared: it is finite, and not the number that MLflow stores for an infinity."""
    return math.isfinite(value) and abs(value) < _LARGEST


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts of a run that checks read. ``metrics`` are the latest values that are usable (`is_usable`).

    ``unusable`` are the metrics whose latest value is not usable. No comparison with one of them passes.
    """

    run_id: str = ""
    created_by: str = ""
    writers: tuple[str, ...] = ()
    """The usernames of everybody who logged to the run, without its creator."""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    unusable: tuple[str, ...] = ()
    datasets: tuple[tuple[str, str, str], ...] = ()
    """(name, digest, context) of each input dataset of the run, sorted."""
    measured_on: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """(name, digest) of the dataset with which a metric was logged, by metric; metrics without one are left out."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The facts of a model card that checks read, from its newest revision, of the time ``since``.

    ``missing`` are the human fields that are empty, ``written`` all fields with content, ``editors`` the authors of all
    revisions.
    """

    digest: str = ""
    missing: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incumbent:
    """A version that the moved one is compared with, usually the one it would replace.

    ``place`` is where that version is, as text that follows its number: `in Production`.
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

    ``complete`` is False if there are too many ancestors to read all.
    """

    quarantined: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Written:
    """A piece of evidence about a subject, and its writer (``name``). ``kind`` is a key of KINDS in
    approvals/case/evidence.py.
    """

    name: str
    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a verdict: a version, the target of its move, and the facts that checks and reviews read.

    ``source`` is the version's stage since ``staged_at``. ``tier`` is the model's risk tier. ``incumbent`` is the
    version that the move would replace, None without one. ``predecessor`` is the version that last came to the target
    (Production or an alias), if no version is there now. ``baseline`` is the last version of the model that passed a
    full validation. ``written`` is the evidence that people wrote. ``leaves`` is the target that the version leaves by
    the move without a successor: Production, an @alias, or "" for none. ``deployed``: a deployment serves the version
    that is live or was ended lately; always False for a move by which it can leave no target. ``ended_by`` are the
    people who ended a deployment of it, and their owners. ``attested_at`` is when the owner last attested the model.
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
    deployed_until: datetime | None = None
    ended_by: frozenset[str] = frozenset()
    attested_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that a check attaches to its result, such as a report or a log. It is stored under its SHA-256."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check.

    ``evidence`` has no times, and nothing else that differs between two runs of the check on the same facts.
    """

    passed: bool
    summary: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    files: tuple[EvidenceFile, ...] = ()


class Check(Protocol):
    """A validation check. It only reads. Only `model.smoke` runs code of a model, in a sandbox.

    A check may also have ``description`` (a sentence that says when it passes), ``params`` (validation.params),
    ``queue`` ("fast" or "slow"), ``seconds`` (its time limit), ``posted`` (True: an external system posts the result),
    ``confirm`` (a function that is called again in the transaction of the promotion) and ``named_nodes`` (the keys of
    its inputs and evidence that list URNs of lineage nodes). ParamsCheck has defaults.

    Readers get only the nodes that they may see. So a summary names no node: every reader of the model gets it.
    """

    code: str

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters of a rule, with defaults for those left out. Raises InvalidInput with the problem."""

    def describe(self, params: Mapping[str, object]) -> str:
        """Return a sentence that tells a reader of the policy what must be true of a version.

        ``params`` come from `parse`. The sentence is shown on the page of a policy, so it does not depend on a version.
        """

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return the facts that the check reads, as plain values, without slow work.

        When they change, an earlier result no longer counts.
        """

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Return the result for a version. A check that raises an exception has not passed."""


class ParamsCheck:
    """Base class of checks that declare their parameters in ``params``."""

    code: ClassVar[str]
    description: ClassVar[str] = ""
    params: ClassVar[tuple[Param, ...]] = ()
    queue: ClassVar[str] = "fast"
    named_nodes: ClassVar[tuple[str, ...]] = ()

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters of a rule, with defaults for those left out. Raises InvalidInput."""
        return parse_params(self.params, params)

    def describe(self, params: Mapping[str, object]) -> str:
        """Return the description, followed in brackets by the parameters that differ from their defaults."""
        return with_params(self.description or f"The check {self.code} must pass.", self.params, params)


def seconds_for(check: object) -> int:
    """Return the time limit of a check in seconds."""
    default = SLOW_SECONDS if getattr(check, "queue", "fast") == "slow" else FAST_SECONDS
    return int(getattr(check, "seconds", default))


def inputs_digest(check: Check, params: Mapping[str, object], subject: Subject) -> str:
    """Return the SHA-256 (hex) of the inputs that a check would read now. Raises InvalidInput (the parameters)."""
    return digest_of(
        {"check": check.code, "params": dict(params), "inputs": check.inputs(subject, check.parse(params))}
    )
