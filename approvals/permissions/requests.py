"""Permissions to open, withdraw and apply a transition request, and to write comments."""

from __future__ import annotations

from approvals.models import ApprovalComment, TransitionRequest
from approvals.permissions.refusal import Refusal
from audit.actions import Action
from core.actors import Actor
from registry.models import ModelVersion
from registry.permissions import Level, has_level


def refusal_to_open_request(actor: Actor, version: ModelVersion) -> Refusal | None:
    """Return the reason why this identity cannot be a requester: it has no account.

    The level on the model is the registry's to ask.
    """
    if actor.user_id is not None:
        return None
    return Refusal("Only an account can open a request.", Action.APPROVALS_REQUEST_OPENED, version)


def refusal_to_withdraw_request(actor: Actor, request: TransitionRequest) -> Refusal | None:
    """Return the reason why the actor may not withdraw a request.

    The requester may, the owner of the service account that is the requester, and whoever manages the model.
    """
    if actor.user_id in requesters_of(request) or has_level(actor, request.version.model, Level.MANAGE):
        return None
    message = (
        f"Only {request.requester.username}, or somebody who manages {request.version.model.name}, may withdraw "
        f"request #{request.pk}."
    )
    return Refusal(message, Action.APPROVALS_REQUEST_WITHDRAWN, request)


def refusal_to_apply_request(request: TransitionRequest) -> Refusal | None:
    """Return the reason why an approved request may not be applied: the account of its requester has been switched
    off.
    """
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
    """Return the reason why this identity cannot comment: it has no account. Whoever may read the version may comment
    on it.
    """
    if actor.user_id is not None:
        return None
    return Refusal("Only an account can comment.", Action.APPROVALS_COMMENT_ADDED, version)


def refusal_to_edit_comment(actor: Actor, comment: ApprovalComment) -> Refusal | None:
    """Return the reason why the actor may not edit a comment: only its author may."""
    if comment.author_id == actor.user_id:
        return None
    message = f"Only {comment.author.username} may edit this comment."
    return Refusal(message, Action.APPROVALS_COMMENT_EDITED, comment)


def refusal_to_delete_comment(actor: Actor, comment: ApprovalComment, *, manages: bool | None = None) -> Refusal | None:
    """Return the reason why the actor may not delete a comment: its author may, and whoever manages the model.

    ``manages`` is whether the actor manages the model, where the caller knows it already.
    """
    if comment.author_id == actor.user_id:
        return None
    if has_level(actor, comment.version.model, Level.MANAGE) if manages is None else manages:
        return None
    message = f"Only {comment.author.username}, or somebody who manages the model, may delete this comment."
    return Refusal(message, Action.APPROVALS_COMMENT_DELETED, comment)
