"""The report of an import: how many items were imported or existed already, and which were not imported and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_MAX_EXAMPLES = 1000
_EXAMPLES_SHOWN = 3
KINDS = (
    *("experiments", "runs", "metric values", "logged models", "files", "traces", "assessments"),
    *("models", "versions", "aliases", "stages", "permissions", "comments"),
)


@dataclass(slots=True)
class Problem:
    """Items that were not imported completely for one reason: their number, and the names of the first thousand."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Report:
    """Counts and problems, collected while the import runs."""

    def __init__(self) -> None:
        self.imported: Counter[str] = Counter()
        self.existing: Counter[str] = Counter()
        self.unsupported: dict[str, int] = {}
        self._problems: dict[tuple[str, str], Problem] = {}

    def add_problem(self, kind: str, name: str, why: str) -> None:
        """Add that the item ``name`` of ``kind`` (in the plural) was not imported, or not completely."""
        problem = self._problems.setdefault((kind, why), Problem())
        problem.count += 1
        if len(problem.examples) < _MAX_EXAMPLES:
            problem.examples.append(name)

    @property
    def problem_count(self) -> int:
        """Return the number of problems."""
        return sum(problem.count for problem in self._problems.values())

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        for kind in KINDS:
            if self.imported[kind] or self.existing[kind]:
                existing = f", {self.existing[kind]} existed already" if self.existing[kind] else ""
                yield f"  {kind}: {self.imported[kind]} imported{existing}"
        if any(self.unsupported.values()):
            yield "Not imported, because Custody does not support them:"
            yield from (f"  {feature}: {count}" for feature, count in self.unsupported.items() if count)
        if self._problems:
            yield "Not imported, or not completely:"
        for (kind, why), problem in sorted(self._problems.items()):
            examples = ", ".join(problem.examples[:_EXAMPLES_SHOWN])
            more = f", … ({problem.count - _EXAMPLES_SHOWN} more)" if problem.count > _EXAMPLES_SHOWN else ""
            yield f"  {kind}: {why}: {examples}{more}"

    def as_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "imported": {kind: self.imported[kind] for kind in KINDS},
            "existing": {kind: self.existing[kind] for kind in KINDS},
            "unsupported": self.unsupported,
            "problems": [
                {"kind": kind, "why": why, "count": problem.count, "examples": problem.examples}
                for (kind, why), problem in sorted(self._problems.items())
            ],
        }
