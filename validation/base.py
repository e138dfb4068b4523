"""What a validation check is: a class with a code, parameters, the facts it reads, and a result with evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol, runtime_checkable

from core.canonical import digest_of
from validation.params import Param, parse_params

Progress = Callable[[int], None]
"""Called now and then with the percentage done; it also keeps the lease of the job alive. Raises when the job is taken away,
cancelled or over its time."""

FAST_SECONDS, SLOW_SECONDS = 60, 3600


@runtime_checkable
class Logging(Protocol):
    """What a job's progress callback also is: a place for lines that people follow while the check runs."""

    def log(self, line: str) -> None:
        """Add a line."""


def tell(progress: Progress, line: str) -> None:
    """Add a line to the log of the job, where it has one."""
    if isinstance(progress, Logging):
        progress.log(line)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run logged that checks read. Metrics are the latest values; NaN counts as not logged."""

    run_id: str = ""
    created_by: str = ""
    writers: tuple[str, ...] = ()
    """Who else logged to it."""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[tuple[str, str, str], ...] = ()
    """(name, digest, context) of each dataset the run logged as its input, sorted."""
    measured_on: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """(name, digest) of the dataset each metric was logged with, of those that name one."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The model card that counts now; ``missing`` are the human fields still empty, ``editors`` all who wrote revisions.

    ``written`` are all fields that say something.
    """

    digest: str = ""
    missing: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    editors: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The version that would be replaced: the one in Production now, or where the alias points. ``place`` says where it is."""

    version_id: int
    number: int
    run: RunFacts
    artifact_path: str = ""
    artifact_digest: str = ""
    place: str = "in Production"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What in a version's ancestry is quarantined now, by URN, sorted. ``complete`` is False where it was too large to walk."""

    quarantined: tuple[str, ...] = ()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being judged: a version on its way to a target, with all the facts that checks and reviews rest on.

    ``source`` is the stage it is in, since ``staged_at``. ``tier`` is the model's risk tier as policies take it.
    ``predecessor`` is what was promoted to Production last, where nothing is there now.
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


@dataclass(frozen=True, slots=True)
class EvidenceFile:
    """A file that a check leaves behind: a report, a table, a log. Kept under its SHA-256, never changed."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. ``evidence`` holds no times and nothing that varies between two looks at the same facts."""

    passed: bool
    summary: str
    evidence: Mapping[str, object] = field(default_factory=dict)
    files: tuple[EvidenceFile, ...] = ()


class Check(Protocol):
    """A validation check. It reads only; code of the model is run by `model.smoke` alone, in its sandbox.

    A check may also have ``says`` (when it passes, in a sentence), ``params`` (validation.params), ``queue`` ("fast",
    "slow"), ``seconds`` (how long it may take), ``posted`` (its result comes from outside) and ``confirm`` (a last look inside
    the promoting transaction). ParamsCheck brings their defaults.
    """

    code: str

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults; raise InvalidInput with what is wrong."""

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return what the check reads, as plain values and cheaply: when it changes, an earlier result no longer counts."""

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Look, and say what was found."""


class ParamsCheck:
    """A check whose parameters are described as data."""

    code: ClassVar[str]
    says: ClassVar[str] = ""
    params: ClassVar[tuple[Param, ...]] = ()
    queue: ClassVar[str] = "fast"

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults; raise InvalidInput with what is wrong."""
        return parse_params(self.params, params)


def seconds_for(check: object) -> int:
    """Return how long a check may take before it is broken off."""
    usual = SLOW_SECONDS if getattr(check, "queue", "fast") == "slow" else FAST_SECONDS
    return int(getattr(check, "seconds", usual))


def inputs_digest(check: Check, params: Mapping[str, object], subject: Subject) -> str:
    """Return the fingerprint of what a check would read now (SHA-256, hex)."""
    return digest_of(
        {"check": check.code, "params": dict(params), "inputs": check.inputs(subject, check.parse(params))}
    )
