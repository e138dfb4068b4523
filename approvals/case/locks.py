"""Locks on transition requests. The order of locks, here and in the registry: the model's row, then the request's."""

from __future__ import annotations

from approvals.models import LIVE_STATES, TransitionRequest
from core.actors import Actor
from core.errors import InvalidState, NotFound
from core.ids import row_id
from registry.locks import lock_model
from registry.permissions import visible_models


def lock_request(request_id: int) -> TransitionRequest:
    """Lock the row of a request's model, then the request's own, until commit. Return the request. Raises NotFound."""
    request = TransitionRequest.objects.filter(pk=row_id(request_id))
    model_id = request.values_list("version__model_id", flat=True).first()
    if model_id is None:
        raise _no_request(request_id)
    lock_model(model_id)
    return request.with_relations().select_for_update(no_key=True, of=("self",)).get()


def lock_visible(actor: Actor, request_id: int) -> TransitionRequest:
    """Lock a request as `lock_request` does and return it. Raises NotFound, also if the actor may not see its model."""
    request = lock_request(request_id)
    if not visible_models(actor).filter(pk=request.version.model_id).exists():
        raise _no_request(request_id)
    return request


def require_live(request: TransitionRequest) -> None:
    """Raise InvalidState for a request that is closed."""
    if request.state not in LIVE_STATES:
        raise InvalidState(f"Request #{request.pk} is {request.state}.")


def _no_request(request_id: int) -> NotFound:
    return NotFound(f"There is no transition request {request_id}.")
