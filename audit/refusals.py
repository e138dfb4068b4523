"""Refusals of actions, and the errors that record them in the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from audit.actions import Action
from core.errors import Denied
from core.refs import Auditable


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal: a sentence with the reason, the audit action that is refused, and the row it is refused on.

    ``obj`` is a reference where there is no row yet.
    """

    message: str
    action: Action
    obj: str | Auditable


def denied(refusal: Refusal) -> Denied:
    """Return the error of a refusal, with action, object and event stream filled in."""
    return Denied(refusal.message, action=refusal.action, obj=refusal.obj)


def deny_if(refusal: Refusal | None) -> None:
    """Raise Denied where there is a refusal."""
    if refusal is not None:
        raise denied(refusal)
