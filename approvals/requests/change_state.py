"""The only writer of a transition request's state. It follows the table of states.py and records the audit event."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from approvals.case.pins import pin_at_close
from approvals.models import RequestState, TransitionRequest
from approvals.requests.states import find_request_transition
from approvals.requests.verdict_cache import delete_inbox_keys
from audit.services import record
from core.actors import Actor
from core.errors import Conflict


def insert_request(*, actor: Actor, request: TransitionRequest, facts: Mapping[str, object]) -> None:
    """Insert a new open request and record the event with ``facts``, in a transaction that has locked the model."""
    edge = find_request_transition(None, RequestState.OPEN)
    request.state = edge.target
    request.save(force_insert=True)
    record(actor=actor, action=edge.action, obj=request, after=facts, reason=request.comment)


def change_request_state(
    *,
    actor: Actor,
    request: TransitionRequest,
    target: RequestState,
    reason: str = "",
    facts: Mapping[str, object] | None = None,
) -> None:
    """Bring a locked request into another state and record the event with ``facts``, in the caller's transaction.

    ``reason`` is stored if the new state closes the request. Raises InvalidState (the table has no such transition),
    Conflict (the row is no longer in the state that ``request`` has).
    """
    edge = find_request_transition(request.state, target)
    before = request.state
    changes: dict[str, object] = {"state": target, "apply_after": request.apply_after}
    if edge.closes:
        changes |= {"state_reason": reason[:1000], "closed_at": timezone.now()}
        delete_inbox_keys(request)
    if TransitionRequest.objects.filter(pk=request.pk, state=before).update(**changes) != 1:
        raise Conflict(f"Request #{request.pk} is no longer {before}.")
    for name, value in changes.items():
        setattr(request, name, value)
    if edge.closes:
        pin_at_close(request)
    record(
        actor=actor,
        action=edge.action,
        obj=request,
        before={"state": before},
        after={"state": target.value, "subject_digest": request.subject_digest, **(facts or {})},
        reason=reason,
    )
