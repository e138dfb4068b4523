"""Transition requests in the Databricks API. Calls carry no request id: version and stage identify the request.

There is at most one live request for a version and a stage: asking again returns it, whoever asks. `request_id` may be
sent as well and must then match. An approval takes a person's approval session and covers what `list` last showed them
(decision 0013).
"""

from __future__ import annotations

from approvals.case.loading import load_case
from approvals.models import Decision, RequestState, TransitionRequest
from approvals.requests.abilities import get_live_request, live_cases, record_views, viewed_digest
from approvals.requests.history import newest_activity
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.open import open_request
from approvals.requests.queries import get_request
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request
from audit.actions import Action
from core.actors import Actor
from core.errors import DomainError
from mlflow_api.databricks import render
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.registered_models import version_number
from mlflow_api.render_tracking import Json
from registry.queries import get_version
from registry.stages import parse_stage


@rpc("POST", "transition-requests/create")
def create_transition_request(actor: Actor, q: Params) -> Json:
    """Databricks `transition-requests/create`: return the live request for a version and a stage, opened if needed.

    Raises NotFound, Denied, InvalidInput, InvalidState (no policy applies, or the version is in the stage already),
    Conflict (the live request has other terms).
    """
    opened = open_request(
        actor=actor,
        name=q.need("name"),
        version=version_number(q),
        target=parse_stage(q.need("stage")),
        archive_existing=_archiving(q),
        comment=q.text("comment"),
    )
    case = load_case(get_request(actor, opened.pk))
    return {"request": render.transition_request(actor, case, q.base_url)}


@rpc("GET", "transition-requests/list")
def list_transition_requests(actor: Actor, q: Params) -> Json:
    """Databricks `transition-requests/list`: return the live requests of a version and note that the actor saw them.

    Raises NotFound, InvalidInput.
    """
    cases = live_cases(actor, get_version(actor, q.need("name"), version_number(q)))
    record_views(actor, cases)
    return {"requests": render.open_requests(actor, cases, q.base_url)}


@rpc("POST", "transition-requests/approve")
def approve_transition_request(actor: Actor, q: Params) -> Json:
    """Databricks `transition-requests/approve`: approve, apply the request if it is complete, return the activity.

    Raises NotFound, InvalidInput, Denied, InvalidState (closed, expired, checks unfinished or failed, no signature),
    Conflict (the request has changed since the actor saw it, or the actor has made this decision already).
    """
    request = _find(actor, q)
    decide_request(
        actor=actor,
        request_id=request.pk,
        decision=Decision.APPROVE,
        comment=q.text("comment"),
        seen_digest=q.text("subject_digest") or viewed_digest(actor, request),
        archive_existing=_archiving(q),
    )
    _apply_now(request.pk)
    return _decided(actor, request, Action.APPROVALS_REVIEW_GIVEN)


@rpc("POST", "transition-requests/reject")
def reject_transition_request(actor: Actor, q: Params) -> Json:
    """Databricks `transition-requests/reject`: reject and close the request, return the activity.

    Raises NotFound, InvalidInput, Denied, InvalidState, Conflict, as an approval does.
    """
    request = _find(actor, q)
    decide_request(
        actor=actor,
        request_id=request.pk,
        decision=Decision.REJECT,
        comment=q.text("comment"),
        seen_digest=q.text("subject_digest") or viewed_digest(actor, request),
    )
    return _decided(actor, request, Action.APPROVALS_REVIEW_GIVEN)


@rpc("DELETE", "transition-requests/delete")
def delete_transition_request(actor: Actor, q: Params) -> Json:
    """Databricks `transition-requests/delete`: withdraw the request that ``creator`` opened, return the activity.

    Raises NotFound, InvalidInput, Denied, InvalidState (it is closed).
    """
    request = _find(actor, q, creator=q.need("creator"))
    withdraw_request(actor=actor, request_id=request.pk, comment=q.text("comment"))
    return _decided(actor, request, Action.APPROVALS_REQUEST_WITHDRAWN)


def _find(actor: Actor, q: Params, *, creator: str = "") -> TransitionRequest:
    return get_live_request(
        actor,
        name=q.need("name"),
        version=version_number(q),
        target=parse_stage(q.need("stage")),
        creator=creator,
        request_id=q.integer("request_id"),
    )


def _archiving(q: Params) -> bool | None:
    return q.boolean("archive_existing_versions") if q.has("archive_existing_versions") else None


def _apply_now(request_id: int) -> None:
    """Apply a request that is approved now, so that the answer has the new stage.

    A worker would do the same. Where it cannot be applied, the request says why, and the approval stays.
    """
    if TransitionRequest.objects.filter(pk=request_id, state=RequestState.APPROVED).exists():
        try:
            apply_request(request_id=request_id)
        except DomainError:
            return


def _decided(actor: Actor, request: TransitionRequest, action: Action) -> Json:
    now = get_request(actor, request.pk)
    return {"activity": render.decided(newest_activity(now, action), now)}
