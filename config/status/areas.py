"""The parts of a status: problems, areas with their facts, and the whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """The severity of a problem: `critical` loses service or evidence, `warning` will, or delays work."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of the installation as a sentence, and the step that ends it."""

    severity: Severity
    text: str
    action: str


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the installation. ``facts`` are JSON; names end with their units: `_bytes`, `_seconds`, `_at`."""

    name: str
    facts: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()

    @property
    def state(self) -> str:
        """Return `ok`, or the severity of the worst problem."""
        return worst(self.problems)


@dataclass(frozen=True, slots=True)
class Status:
    """The status of the installation at a time."""

    at: datetime
    areas: tuple[Area, ...]

    @property
    def problems(self) -> list[tuple[Area, Problem]]:
        """Return each problem with its area, critical ones first."""
        rows = [(area, problem) for area in self.areas for problem in area.problems]
        return sorted(rows, key=lambda row: row[1].severity != Severity.CRITICAL)

    @property
    def state(self) -> str:
        """Return `ok`, or the severity of the worst problem."""
        return worst([problem for area in self.areas for problem in area.problems])


def worst(problems: list[Problem] | tuple[Problem, ...]) -> str:
    """Return the highest severity among problems, `ok` where there is none."""
    if not problems:
        return "ok"
    return min((problem.severity for problem in problems), key=lambda severity: severity != Severity.CRITICAL).value


def critical(text: str, action: str) -> Problem:
    """Return a critical problem."""
    return Problem(Severity.CRITICAL, text, action)


def warning(text: str, action: str) -> Problem:
    """Return a warning."""
    return Problem(Severity.WARNING, text, action)
