"""What came, what was here already, and what could not come and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

_EXAMPLES_KEPT = 1000
_EXAMPLES_SHOWN = 3
KINDS = ("experiments", "runs", "metric values", "logged models", "files", "models", "versions", "aliases", "stages")


@dataclass(slots=True)
class Trouble:
    """Things that did not come as they were, for one reason; the first thousand are named."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Report:
    """Filled while the import runs; bounded, however much goes wrong."""

    def __init__(self) -> None:
        self.came: Counter[str] = Counter()
        self.here: Counter[str] = Counter()
        self.left_behind: dict[str, int] = {}
        self._troubles: dict[tuple[str, str], Trouble] = {}

    def trouble(self, kind: str, name: str, why: str) -> None:
        """Note that ``name`` (a ``kind``, in the plural) did not come, or not as it was."""
        found = self._troubles.setdefault((kind, why), Trouble())
        found.count += 1
        if len(found.examples) < _EXAMPLES_KEPT:
            found.examples.append(name)

    @property
    def troubles(self) -> int:
        return sum(found.count for found in self._troubles.values())

    def lines(self) -> Iterator[str]:
        """Yield the report as text."""
        for kind in KINDS:
            if self.came[kind] or self.here[kind]:
                here = f", {self.here[kind]} were here already" if self.here[kind] else ""
                yield f"  {kind}: {self.came[kind]} came{here}"
        if any(self.left_behind.values()):
            yield "Left behind, having no place here:"
            yield from (f"  {what}: {count}" for what, count in self.left_behind.items() if count)
        if self._troubles:
            yield "Did not come, or not as it was:"
        for (kind, why), found in sorted(self._troubles.items()):
            shown = ", ".join(found.examples[:_EXAMPLES_SHOWN])
            more = f", … ({found.count - _EXAMPLES_SHOWN} more)" if found.count > _EXAMPLES_SHOWN else ""
            yield f"  {kind}: {why}: {shown}{more}"

    def as_json(self) -> dict[str, object]:
        return {
            "came": {kind: self.came[kind] for kind in KINDS},
            "here_already": {kind: self.here[kind] for kind in KINDS},
            "left_behind": self.left_behind,
            "troubles": [
                {"what": kind, "why": why, "count": found.count, "examples": found.examples}
                for (kind, why), found in sorted(self._troubles.items())
            ],
        }
