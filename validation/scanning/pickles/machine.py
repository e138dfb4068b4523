"""The unpickler's stack, marks and memo, and what the walk has met."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from validation.scanning.pickles.source import Source
from validation.scanning.pickles.values import Global

MAX_MEMO = 4_000_000
_MAX_PROBLEMS = 20
_MOST_SKIPPED = 1000
_MAX_PERSISTENT = 100_000


class Broken(Exception):
    """No unpickler continues here: the rest is never executed."""


@dataclass(slots=True)
class Walk:
    """The facts that a walk has collected.

    ``error`` says why the unpicklers stop early ("" is a STOP in order). ``problems`` are what no pickler writes but an
    unpickler may execute: the walk goes on behind them, so that ``globals`` holds whatever an unpickler could import.
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
        """Keep a problem, once."""
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
        """Return the reason why the stream is refused as a pickle, whatever it imports; "" where it is not refused."""
        return self.problems[0] if self.problems else self.error


class Machine:
    """The state of one walk. As in the C unpickler, marks are places in the stack that pops cannot cross."""

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
        """Put a value on the stack that may be an import, and count those that have to be called before the end."""
        if type(value) is Global and value.watched:
            self.loose += 1
            self.last_watched = value.path
        self.stack.append(value)

    @property
    def fence(self) -> int:
        """Return the place in the stack below which nothing can be popped."""
        return self.marks[-1] if self.marks else 0

    def pop(self) -> object:
        """Take the topmost value off the stack."""
        if len(self.stack) <= self.fence:
            raise Broken("its stack runs out")
        return self.stack.pop()

    def top(self) -> object:
        """Return the topmost value."""
        if len(self.stack) <= self.fence:
            raise Broken("its stack runs out")
        return self.stack[-1]

    def pop_mark(self) -> list[object]:
        """Take the last mark and all above it off the stack; return what lay above."""
        if not self.marks:
            raise Broken("a mark is missing")
        place = self.marks.pop()
        values = self.stack[place:]
        del self.stack[place:]
        return values

    def remember(self, place: int, value: object) -> None:
        """Put a value into the memo.

        Picklers number the places; a far one makes an unpickler take all memory up to it.
        """
        if place > 2 * len(self.memo) + _MOST_SKIPPED:
            self.walk.note("it numbers what it remembers as no pickler does")
        if len(self.memo) >= MAX_MEMO and place not in self.memo:
            self.walk.note("it remembers too many values to be followed")
            return
        self.memo[place] = value


Handler = Callable[[Machine], None]
"""Does what one opcode does: reads its argument and changes stack and memo."""
