"""The states of a transition request follow their table: in the service, in the database, and with one event each."""

from __future__ import annotations

from itertools import product

import pytest
from django.db import Error, connection, transaction

from approvals.models import RequestState, TransitionRequest
from approvals.models.reviewing import InboxKey
from approvals.requests.change_state import change_request_state
from approvals.requests.states import REQUEST_TRANSITIONS, find_request_transition
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, InvalidState
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import ask, publish
from tests.recorded_fixtures import recorded_fixture

EDGES = {(edge.source, edge.target): edge for edge in REQUEST_TRANSITIONS}
PAIRS = list(product(RequestState, RequestState))


@pytest.fixture
@recorded_fixture
def request_row(new_version: NewVersion, by_ada: Actor) -> TransitionRequest:
    publish()
    return reread(ask(by_ada, new_version()))


def bring_to(row: TransitionRequest, state: RequestState, actor: Actor) -> None:
    """Bring an open request into a state as the service does."""
    if state is RequestState.APPLIED:
        change_request_state(actor=actor, request=row, target=RequestState.APPROVED)
    if state is not RequestState.OPEN:
        change_request_state(actor=actor, request=row, target=state)


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_change_follows_the_table(
    source: RequestState, target: RequestState, request_row: TransitionRequest, by_ada: Actor
) -> None:
    bring_to(request_row, source, by_ada)
    InboxKey.objects.get_or_create(request=request_row, kind="asked", key="group:reviewers")
    events = Event.objects.count()
    edge = EDGES.get((source, target))
    if edge is None:
        with pytest.raises(InvalidState, match="cannot become"):
            change_request_state(actor=by_ada, request=request_row, target=target)
        assert (reread(request_row).state, request_row.state) == (source, source)
        assert Event.objects.count() == events
        return
    change_request_state(actor=by_ada, request=request_row, target=target, reason="So.")
    row = reread(request_row)
    assert (row.state, row.closed_at is not None, row.state_reason) == (target, edge.closes, "So." * edge.closes)
    assert InboxKey.objects.filter(request=row).exists() is not edge.closes
    event = Event.objects.latest("id")
    assert (event.action, event.object_ref, Event.objects.count()) == (
        edge.action, f"transition-request:{row.pk}", events + 1,
    )  # fmt: skip


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_the_database_follows_the_table(
    source: RequestState, target: RequestState, request_row: TransitionRequest, by_ada: Actor
) -> None:
    bring_to(request_row, source, by_ada)
    sql = "UPDATE approvals_transitionrequest SET state = %s WHERE id = %s"
    if source == target or (source, target) in EDGES:
        with connection.cursor() as cursor:
            cursor.execute(sql, [target.value, request_row.pk])
        assert reread(request_row).state == target
        return
    with pytest.raises(Error, match="cannot change its state"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [target.value, request_row.pk])
    assert reread(request_row).state == source


def test_the_database_keeps_requests(request_row: TransitionRequest) -> None:
    with pytest.raises(Error, match="never deleted"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_transitionrequest")
    assert reread(request_row).pk == request_row.pk


def test_a_change_of_what_somebody_else_changed_is_refused(request_row: TransitionRequest, by_ada: Actor) -> None:
    late = reread(request_row)
    change_request_state(actor=by_ada, request=request_row, target=RequestState.WITHDRAWN)
    events = Event.objects.count()
    with pytest.raises(Conflict, match="no longer open"):
        change_request_state(actor=by_ada, request=late, target=RequestState.APPROVED)
    assert (reread(request_row).state, Event.objects.count()) == (RequestState.WITHDRAWN, events)


def test_every_state_is_reached_and_only_live_ones_are_left() -> None:
    assert {edge.target for edge in REQUEST_TRANSITIONS} == set(RequestState)
    assert {edge.source for edge in REQUEST_TRANSITIONS} == {None, RequestState.OPEN, RequestState.APPROVED}
    assert find_request_transition(None, RequestState.OPEN).source is None
