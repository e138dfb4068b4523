"""State of the walk through a pickle: the unpickler's stack, marks and memo, and the facts about the pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from validation.scanning.pickles.source import Source
from validation.scanning.pickles.values import Global

MAX_MEMO = 4_000_000
_MAX_PROBLEMS = 20
_MAX_SKIPPED = 1000
_MAX_PERSISTENT = 100_000


class Broken(Exception):
    """Every unpickler stops here, so what follows is never executed."""


@dataclass(slots=True)
class Walk:
    """The facts that a walk has collected.

    ``error`` is the reason why unpicklers stop before a STOP, "" after a STOP. ``problems`` are forms that no pickler
    writes but an unpickler may execute. The walk continues after them, so that ``globals`` has everything that an
    unpickler could import.
    """

    globals: set[tuple[str, str]] = field(default_factory=set)
    calls: int = 0
    arrays: int = 0
    persistent: list[object] = field(default_factory=list)
    opcodes: int = 0
    error: str = ""
    problems: list[str] = field(default_factory=list)
    result: object = None

    def note(self, problem: str) -> None:
        """Add a problem, once."""
        if problem not in self.problems and len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(problem)

    def note_persistent(self, identifier: object) -> None:
        """Store the parts of a persistent id."""
        if len(self.persistent) < _MAX_PERSISTENT:
            self.persistent.append(identifier)
        else:
            self.note("it refers to too many objects outside the pickle")

    @property
    def refusal(self) -> str:
        """Return the reason why the stream is refused as a pickle, apart from its imports; "" if it is not refused."""
        return self.problems[0] if self.problems else self.error


class Machine:
    """The state of one walk. As in the C unpickler, no value below the last mark can be popped.

    ``loose`` is the number of watched names that have not been called yet (guards.py).
    """

    __slots__ = (
        "began",
        "frame_end",
        "last_watched",
        "loose",
        "marks",
        "memo",
        "raw_arrays",
        "source",
        "stack",
        "texts_kept",
        "walk",
    )

    def __init__(self, source: Source, walk: Walk, *, raw_arrays: bool) -> None:
        self.source = source
        self.began = source.tell()
        self.walk = walk
        self.raw_arrays = raw_arrays
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}
        self.frame_end = -1
        self.texts_kept = 0
        self.loose = 0
        self.last_watched = ""

    def push(self, value: object) -> None:
        """Push a value that may be an import, and count a watched name, which must be called before the end."""
        if type(value) is Global and value.watched:
            self.loose += 1
            self.last_watched = value.path
        self.stack.append(value)

    @property
    def fence(self) -> int:
        """Return the size of the stack at the last mark; no value below it can be popped."""
        return self.marks[-1] if self.marks else 0

    def pop(self) -> object:
        """Remove the topmost value and return it. Raises Broken without one above the last mark."""
        if len(self.stack) <= self.fence:
            raise Broken("its stack runs out")
        return self.stack.pop()

    def top(self) -> object:
        """Return the topmost value. Raises Broken without one above the last mark."""
        if len(self.stack) <= self.fence:
            raise Broken("its stack runs out")
        return self.stack[-1]

    def pop_mark(self) -> list[object]:
        """Remove the last mark and the values above it, and return the values. Raises Broken without a mark."""
        if not self.marks:
            raise Broken("a mark is missing")
        position = self.marks.pop()
        values = self.stack[position:]
        del self.stack[position:]
        return values

    def remember(self, index: int, value: object) -> None:
        """Store a value in the memo.

        Picklers use one index after the other. A much greater index makes an unpickler allocate memory up to it.
        """
        if index > 2 * len(self.memo) + _MAX_SKIPPED:
            self.walk.note("it numbers what it remembers as no pickler does")
        if len(self.memo) >= MAX_MEMO and index not in self.memo:
            self.walk.note("it remembers too many values to be followed")
            return
        self.memo[index] = value


Handler = Callable[[Machine], None]
"""Handler of one opcode: reads its argument and changes stack and memo."""
