"""Whether somebody has proved to be a person at the keyboard, as a decision needs."""

from __future__ import annotations

from core.actors import Actor, ActorKind

# How an identity must have been proved: a person who signed in. Tokens, commands and jobs never decide.
_IN_PERSON = frozenset({"session", "test"})


def is_in_person(actor: Actor) -> bool:
    """Return whether the actor has proved to be a person at the keyboard, as a decision needs."""
    return actor.kind is ActorKind.USER and actor.auth in _IN_PERSON
