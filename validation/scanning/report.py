"""What reading one file came to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from validation.scanning.globals import is_allowed
from validation.scanning.machine import JOBLIB_ARRAY

MAX_DEPTH = 4
MAX_MEMBERS = 20_000
MAX_UNPACKED = 8 * 1024**3
_MAX_NAMED = 20


class Unsafe(Exception):
    """The file cannot be accepted; the message says why."""


@dataclass(slots=True)
class Found:
    """One file's answer. ``problems`` reject it; a file without a ``format`` was not recognised."""

    name: str
    format: str = ""
    problems: list[str] = field(default_factory=list)
    globals: set[str] = field(default_factory=set)

    @property
    def verdict(self) -> str:
        """Return rejected, clean or not recognised."""
        if self.problems:
            return "rejected"
        return "clean" if self.format else "not recognised"


@dataclass(slots=True)
class Budget:
    """What all files of one scan share: names allowed besides the list, whether code may lie about, and what is spent."""

    allow: Collection[str] = ()
    allow_code: bool = False
    tick: Callable[[], None] = lambda: None
    unpacked: int = 0

    def spend(self, size: int) -> None:
        """Count unpacked bytes; Unsafe when a bomb has gone off."""
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise Unsafe(f"it unpacks to more than {MAX_UNPACKED // 1024**3} GiB")
        self.tick()


def judge_globals(found: Found, names: Collection[tuple[str, str]], budget: Budget) -> None:
    """Note the globals a file names, and reject the file for each that is not allowed."""
    found.globals |= {f"{module}.{name}" for module, name in names}
    refused = sorted(
        f"{module}.{name}"
        for module, name in names
        if f"{module}.{name}" != JOBLIB_ARRAY and not is_allowed(module, name, budget.allow)
    )
    if refused:
        more = f" and {len(refused) - _MAX_NAMED} more" if len(refused) > _MAX_NAMED else ""
        found.problems.append(f"loading it would import {', '.join(refused[:_MAX_NAMED])}{more}"[:1000])
