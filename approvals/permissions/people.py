"""Refusals of actions that only a person who is signed in may perform."""

from __future__ import annotations

from accounts.authentication import find_signed_in_person, is_signed_in_person
from accounts.second_factor.verification import NEEDS_FACTOR, needs_second_factor_to_decide
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
    """Return the refusal of an actor who is not a signed-in person with an active account; None for one.

    Where CUSTODY_SECOND_FACTOR is on, the person needs a second factor too. One query, three with that setting.
    """
    if refusal := refusal_unless_signed_in(actor, action, obj, purpose=purpose):
        return refusal
    person = find_signed_in_person(actor)
    if person is None:
        return Refusal(f"Only a person with an active account may {purpose}.", action, obj)
    if needs_second_factor_to_decide(person):
        return Refusal(NEEDS_FACTOR, action, obj)
    return None
