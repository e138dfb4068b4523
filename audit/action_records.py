"""The record of an audit action: its phrases, its mark, and its brief."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

Facts = Mapping[str, object]
Brief = Callable[[Facts, Facts], str]


def no_brief(_before: Facts, _after: Facts) -> str:
    """Return "": the sentence already says it all."""
    return ""


def value_of(key: str) -> Brief:
    """Return a function that returns the new text under ``key``, "" where there is none or it is no text."""

    def brief(_before: Facts, after: Facts) -> str:
        value = after.get(key)
        return value if isinstance(value, str) else ""

    return brief


def change_of(key: str, nothing: str = "") -> Brief:
    """Return a function that returns ``old → new`` of ``key`` where it changed; ``nothing`` stands for no old value."""

    def brief(before: Facts, after: Facts) -> str:
        if key not in after or before.get(key) == after[key]:
            return ""
        return f"{before.get(key) or nothing} → {after[key]}".strip()

    return brief


def pairs(_before: Facts, after: Facts) -> str:
    """Return the new facts as ``key = value``, separated by commas."""
    return ", ".join(f"{key} = {value}" for key, value in after.items())


def check_result(_before: Facts, after: Facts) -> str:
    """Return the rule of a check and how it ended, such as ``digest passed``."""
    return f"{after.get('rule', '')} {after.get('state', '')}".strip()


@dataclass(frozen=True, slots=True)
class Mark:
    """The icon of an action in lists, by its Material name, and its tone: ok, info, wait, bad or none."""

    tone: str
    icon: str


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb phrase in the past tense and in the infinitive: "signed out" and "sign out"."""

    past: str
    infinitive: str


@dataclass(frozen=True, slots=True)
class Display:
    """The display of an action in lists of events.

    ``brief`` makes the short text beside the sentence from the facts before and after. An event is shown as a failure
    where the new ``state`` is one of ``failures``. With ``merges``, several events of this action in a row become one
    line with the briefs of all.
    """

    mark: Mark = Mark("none", "edit_note")
    brief: Brief = no_brief
    failures: tuple[str, ...] = ()
    merges: bool = False


PLAIN = Display()


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """The phrases and the display of one action. ``{object}`` in ``object_phrase`` stands for the object of the event.

    ``subject`` names the kind of that object, with its article: it takes the place of the object where an action is
    explained without an event.
    """

    verb: Verb
    object_phrase: str = "{object}"
    subject: str = ""
    display: Display = PLAIN

    @property
    def done(self) -> str:
        """The phrase after the name of somebody who did it: "deleted a tag of {object}"."""
        return f"{self.verb.past} {self.object_phrase}".rstrip()

    @property
    def refused(self) -> str:
        """The phrase after "was not allowed to": "delete a tag of {object}"."""
        return f"{self.verb.infinitive} {self.object_phrase}".rstrip()

    @property
    def summary(self) -> str:
        """The sentence of the action for the reference: "deleted a tag of a registered model"."""
        return self.done.replace("{object}", self.subject)


class RecordedAction(StrEnum):
    """An enum whose members are codes with their records: a member without a record is a TypeError at import."""

    record: ActionRecord

    # The defaults serve `Action("code")`, which looks a member up and makes none.
    def __new__(cls, code: str, verb: Verb | None = None, *more: object) -> Self:
        """Make a member. Raises TypeError where its record is missing or incomplete."""
        if verb is None:
            msg = f"the action {code} has no record"
            raise TypeError(msg)
        member = str.__new__(cls, code)
        member._value_ = code
        member.record = ActionRecord(verb, *more)  # type: ignore[arg-type]  # checked when the class is made
        return member
