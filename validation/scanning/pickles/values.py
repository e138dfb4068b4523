"""The values that a walk through a pickle keeps: enough to resolve names, and to check arguments and states."""

from __future__ import annotations

from dataclasses import dataclass, field

UNKNOWN = object()
"""A value whose kind is not known, such as the object of a persistent id, or the result of a call of no import."""
DATA = object()
"""A number or bytes: it can be neither called nor changed, and names nothing."""
TEXT = object()
"""A text that is too long to be kept, or whose encoding is chosen by the program that loads the pickle."""
_MAX_KEPT = 64
_MAX_ENTRIES = 1024


@dataclass(slots=True)
class Global:
    """Something the pickle imports. A ``watched`` one may only be called at once, never passed on (guards.py)."""

    module: str
    name: str
    watched: bool = False

    @property
    def path(self) -> str:
        """Return module and name with a dot between them."""
        return f"{self.module}.{self.name}"


@dataclass(slots=True)
class CallResult:
    """The result of a call: the function or class, its arguments, and the states that the result was given later."""

    function: Global
    arguments: object
    states: list[object] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """The entries of a dictionary whose keys are texts.

    It is not ``complete`` if the dictionary has other keys or more than _MAX_ENTRIES entries.
    """

    items: dict[str, object] = field(default_factory=dict)
    complete: bool = True
    has_other_keys: bool = False
    holds_watched: bool = False

    def put(self, key: object, value: object) -> None:
        """Set an entry, as an unpickler does."""
        self.has_other_keys = self.has_other_keys or not isinstance(key, str)
        self.holds_watched = self.holds_watched or (type(value) is Global and value.watched)
        if isinstance(key, str) and (len(self.items) < _MAX_ENTRIES or key in self.items):
            self.items[key] = value
        else:
            self.complete = False


@dataclass(slots=True)
class Sequence:
    """The first _MAX_ENTRIES entries of a list or a set. It is not ``complete`` if there are more."""

    items: list[object] = field(default_factory=list)
    complete: bool = True

    def extend(self, values: list[object]) -> None:
        """Add entries, as an unpickler does."""
        room = _MAX_ENTRIES - len(self.items)
        self.items += values[:room]
        self.complete = self.complete and len(values) <= room


@dataclass(slots=True)
class LongTuple:
    """A tuple of more than _MAX_KEPT entries, none of which are kept."""


def short_tuple(values: list[object]) -> object:
    """Return a tuple of the values, or a LongTuple if there are more than _MAX_KEPT."""
    return tuple(values) if len(values) <= _MAX_KEPT else LongTuple()
