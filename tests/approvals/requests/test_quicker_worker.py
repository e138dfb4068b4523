"""A worker applies an approved request while its author asks again: the author has what they asked for,
not an error.
"""

from __future__ import annotations

import pytest

from approvals import tasks
from approvals.models import RequestState, TransitionRequest
from approvals.requests import transition as transitions
from approvals.requests.settle import apply_request
from approvals.requests.transition import request_transition
from core.actors import Actor
from registry.stages import Stage
from tests.approvals.conftest import reread
from tests.approvals.governed import approve


def test_applied_between_two_locks(
    ready: TransitionRequest, by_ada: Actor, by_bea: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(by_bea, ready)

    def apply_after_the_worker(*, actor: Actor, request_id: int) -> TransitionRequest:
        assert tasks.apply_request(request_id) == "applied"
        return apply_request(actor=actor, request_id=request_id)

    monkeypatch.setattr(transitions, "apply_request", apply_after_the_worker)
    moved = request_transition(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)
    assert (moved.stage, moved.is_current) == (Stage.PRODUCTION, True)
    assert reread(ready).state == RequestState.APPLIED


def test_applied_before_the_lock(ready: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    approve(by_bea, ready)
    assert tasks.apply_request(ready.pk) == "applied"
    moved = request_transition(actor=by_ada, name="fraud", version=1, target=Stage.PRODUCTION, archive_existing=True)
    assert moved.is_current
    assert TransitionRequest.objects.count() == 1
