"""Permissions to open, withdraw and apply a transition request, and to write comments."""

from __future__ import annotations

from approvals.models import ApprovalComment, TransitionRequest
from approvals.permissions.refusal import Refusal
from audit.actions import Action
from core.actors import Actor
from registry.models import ModelVersion
from registry.permissions import Level, has_level


def refusal_to_open_request(actor: Actor, version: ModelVersion) -> Refusal | None:
    """Return the refusal of an actor without an account, who cannot be a requester; None for one with an account.

    The registry checks the permission level on the model.
    """
    if actor.user_id is not None:
        return None
    return Refusal("Only a user with an account may open a request.", Action.APPROVALS_REQUEST_OPENED, version)


def refusal_to_withdraw_request(actor: Actor, request: TransitionRequest) -> Refusal | None:
    """Return the refusal of an actor who may not withdraw a request; None if they may.

    The requester, the owner of a service account that is the requester, and everybody who manages the model may.
    """
    if actor.user_id in requesters_of(request) or has_level(actor, request.version.model, Level.MANAGE):
        return None
    message = (
        f"Only {request.requester.username}, or somebody who manages {request.version.model.name}, may withdraw "
        f"request #{request.pk}."
    )
    return Refusal(message, Action.APPROVALS_REQUEST_WITHDRAWN, request)


def refusal_to_apply_request(request: TransitionRequest) -> Refusal | None:
    """Return the refusal to apply a request if the account of its requester is switched off; None if it is active."""
    if request.requester.is_active:
        return None
    message = (
        f"The account of {request.requester.username}, who opened this request, is switched off. "
        "Somebody else has to open a request."
    )
    return Refusal(message, Action.REGISTRY_STAGE_CHANGED, request)


def requesters_of(request: TransitionRequest) -> set[int]:
    """Return the ids of the requester and, where that is a service account, of its owner."""
    return {pk for pk in (request.requester_id, request.requester.owner_id) if pk is not None}


def refusal_to_add_comment(actor: Actor, version: ModelVersion) -> Refusal | None:
    """Return the refusal of an actor without an account, who cannot comment; None for one with an account.

    Everybody with an account who may read the version may comment on it.
    """
    if actor.user_id is not None:
        return None
    return Refusal("Only a user with an account may comment.", Action.APPROVALS_COMMENT_ADDED, version)


def refusal_to_edit_comment(actor: Actor, comment: ApprovalComment) -> Refusal | None:
    """Return the refusal of an actor who may not edit a comment; None for its author, who may."""
    if comment.author_id == actor.user_id:
        return None
    message = f"Only {comment.author.username} may edit this comment."
    return Refusal(message, Action.APPROVALS_COMMENT_EDITED, comment)


def refusal_to_delete_comment(actor: Actor, comment: ApprovalComment, *, manages: bool | None = None) -> Refusal | None:
    """Return the refusal of an actor who may not delete a comment; None if they may.

    Its author and everybody who manages the model may. ``manages`` is whether the actor manages the model, if the
    caller knows it already.
    """
    if comment.author_id == actor.user_id:
        return None
    if has_level(actor, comment.version.model, Level.MANAGE) if manages is None else manages:
        return None
    message = f"Only {comment.author.username}, or somebody who manages the model, may delete this comment."
    return Refusal(message, Action.APPROVALS_COMMENT_DELETED, comment)
