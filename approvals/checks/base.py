"""What a validation check is: a class with a code, parameters, the facts it reads, and a result with evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from audit.canonical import digest_of
from audit.errors import InvalidInput

Progress = Callable[[int], None]
"""Called now and then with the percentage done; it also keeps the lease of the job alive."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a run logged that checks read. Metrics are the latest values; NaN counts as not logged."""

    run_id: str = ""
    created_by: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    datasets: tuple[tuple[str, str, str], ...] = ()
    """(name, digest, context) of each dataset the run logged as its input, sorted."""


@dataclass(frozen=True, slots=True)
class CardFacts:
    """The model card that counts now; ``missing`` are the human fields still empty, ``editors`` all who wrote revisions.

    ``written`` are all fields that say something; ``tier`` is the model's risk tier, empty where nobody assessed it.
    """

    digest: str = ""
    missing: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    tier: str = ""
    editors: tuple[str, ...] = ()
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Incumbent:
    """The version that is in Production now."""

    version_id: int
    number: int
    run: RunFacts


@dataclass(frozen=True, slots=True)
class Subject:
    """What is being judged: a version on its way to a stage, with all the facts that checks and reviews rest on."""

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


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. ``evidence`` holds no times and nothing that varies between two looks at the same facts."""

    passed: bool
    summary: str
    evidence: Mapping[str, object] = field(default_factory=dict)


class Check(Protocol):
    """A validation check. It reads only, and never runs code of the model."""

    code: str

    def parse(self, params: Mapping[str, object]) -> Mapping[str, object]:
        """Return the parameters with their defaults; raise InvalidInput with what is wrong."""

    def inputs(self, subject: Subject, params: Mapping[str, object]) -> object:
        """Return what the check reads, as plain values and cheaply: when it changes, an earlier result no longer counts."""

    def run(self, subject: Subject, params: Mapping[str, object], progress: Progress) -> CheckResult:
        """Look, and say what was found."""


def inputs_digest(check: Check, params: Mapping[str, object], subject: Subject) -> str:
    """Return the fingerprint of what a check would read now (SHA-256, hex)."""
    return digest_of(
        {"check": check.code, "params": dict(params), "inputs": check.inputs(subject, check.parse(params))}
    )


def refuse_unknown(params: Mapping[str, object], known: frozenset[str]) -> None:
    """Raise InvalidInput for a parameter the check does not have."""
    if unknown := sorted(str(key) for key in params if key not in known):
        have = ", ".join(sorted(known)) or "none"
        raise InvalidInput(f"unknown parameter {unknown[0]!r} (known: {have})")


def names_param(params: Mapping[str, object], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return a parameter that is a non-empty list of names."""
    value = params.get(name, list(default))
    if not isinstance(value, list | tuple) or not value or not all(isinstance(item, str) and item for item in value):
        raise InvalidInput(f"{name} must be a list of names")
    return tuple(value)
