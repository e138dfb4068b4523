"""Refusals of actions that only a person who is signed in may perform."""

from __future__ import annotations

from accounts.authentication import find_signed_in_person, is_signed_in_person
from approvals.permissions.refusal import Refusal
from audit.actions import Action
from core.actors import Actor
from core.refs import Auditable


def refusal_unless_signed_in(actor: Actor, action: Action, obj: str | Auditable, *, purpose: str) -> Refusal | None:
    """Return the refusal of an actor who is not a signed-in person; None for a person who is signed in. No query.

    ``purpose`` is a verb phrase for the message, such as `override a rule`.
    """
    if is_signed_in_person(actor):
        return None
    message = f"Only a person who is signed in may {purpose}; tokens and service accounts never do."
    return Refusal(message, action, obj)


def refusal_unless_in_person(actor: Actor, action: Action, obj: str | Auditable, *, purpose: str) -> Refusal | None:
    """Return the refusal of an actor who is not a signed-in person with an active account; None for one. One query."""
    if refusal := refusal_unless_signed_in(actor, action, obj, purpose=purpose):
        return refusal
    if find_signed_in_person(actor) is None:
        return Refusal(f"Only a person with an active account may {purpose}.", action, obj)
    return None
