"""A text or an address in an event that is another person's than the actor's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TextOf:
    """A fact or a reason of an event that belongs to ``person``, a user name: an erasure of that person takes it.

    Without it, or with "", the texts of an event are the actor's; those of a job are of the person for whom it acts.
    """

    person: str
    value: object
