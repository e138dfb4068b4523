"""Values of a walk, with enough detail to resolve names and to judge the arguments and states of classes."""

from __future__ import annotations

from dataclasses import dataclass, field

UNKNOWN = object()
"""A value whose kind is not known: what a persistent id stands for, or the result of a call that was refused."""
DATA = object()
"""A number or bytes: it can be neither called nor changed, and names nothing."""
TEXT = object()
"""A text that is too long to be kept, or whose encoding the reader chooses."""
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
class Made:
    """The result of calling a global: which one, with which arguments, and the states it was built with."""

    of: Global
    args: object
    states: list[object] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """A dictionary, as far as its keys are texts. Past _MAX_ENTRIES entries it is not ``whole``."""

    items: dict[str, object] = field(default_factory=dict)
    whole: bool = True
    has_other_keys: bool = False
    holds_watched: bool = False

    def put(self, key: object, value: object) -> None:
        """Set an entry as the unpickler would."""
        self.has_other_keys = self.has_other_keys or not isinstance(key, str)
        self.holds_watched = self.holds_watched or (type(value) is Global and value.watched)
        if isinstance(key, str) and (len(self.items) < _MAX_ENTRIES or key in self.items):
            self.items[key] = value
        else:
            self.whole = False


@dataclass(slots=True)
class Sequence:
    """A list or a set: its first entries."""

    items: list[object] = field(default_factory=list)
    whole: bool = True

    def extend(self, values: list[object]) -> None:
        """Add entries as the unpickler would."""
        room = _MAX_ENTRIES - len(self.items)
        self.items += values[:room]
        self.whole = self.whole and len(values) <= room


@dataclass(slots=True)
class LongTuple:
    """A tuple of more entries than are kept."""


def kept_tuple(values: list[object]) -> object:
    """Return a tuple's values where there are few."""
    return tuple(values) if len(values) <= _MAX_KEPT else LongTuple()
