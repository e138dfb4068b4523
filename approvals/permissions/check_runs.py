"""Permissions to cancel and rerun check jobs, and to change the keys that sign results of external checks."""

from __future__ import annotations

from approvals.models import TransitionRequest
from approvals.permissions.refusal import Refusal
from audit.actions import Action
from core.actors import Actor, ActorKind
from core.refs import check_key_ref
from registry.permissions import Level, has_level, level_refused


def refusal_to_control_check(actor: Actor, request: TransitionRequest, action: Action) -> Refusal | None:
    """Return the refusal of an actor who may not cancel or rerun (``action``) a job of a request; None if they may.

    Everybody who may edit the model may.
    """
    model = request.version.model
    if has_level(actor, model, Level.EDIT):
        return None
    return Refusal(level_refused(actor, model, Level.EDIT), action, request)


def refusal_to_change_check_keys(actor: Actor, action: Action, name: str) -> Refusal | None:
    """Return the refusal of an actor who may not add or revoke (``action``) the key called ``name``; None if they may.

    Superusers (not by token) and the system may.
    """
    if actor.kind is ActorKind.SYSTEM or (actor.is_superuser and actor.kind is ActorKind.USER):
        return None
    message = "Only a superuser may change the keys that sign results of external checks."
    return Refusal(message, action, check_key_ref(name[:100].replace("\x00", "")))
