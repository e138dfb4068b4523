"""The sweep examines requests after an event about them, and every request in its turn, however many are open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain
from random import Random

import pytest
import time_machine
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals.models import TransitionRequest
from approvals.requests import settle
from approvals.requests.open import open_request
from approvals.requests.settle import requests_to_settle, settle_request
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from registry.services.versions import set_version_tag
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import REVIEWERS, Json, ask, publish
from tests.recorded_fixtures import recorded_fixture
from tracking.limits import Point
from tracking.services.logging import log_metric


@pytest.fixture
@recorded_fixture
def opened(policies: object, by_ada: Actor, new_version: NewVersion) -> list[int]:
    """Three open requests without check jobs, so that settling would change each."""
    ids = []
    for _ in range(3):
        version = new_version()
        request = open_request(
            actor=by_ada, name="fraud", version=version.version, target=Stage.PRODUCTION, archive_existing=True
        )
        request.check_runs.all().delete()
        ids.append(request.pk)
    return ids


@pytest.fixture
def later(opened: list[int]) -> Iterator[None]:
    """An hour after everything that was recorded."""
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        yield


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four parts for three requests: a part has one request at most, and that of turn 0 has none of numbers 1 to 3."""
    monkeypatch.setattr(settle, "_PART", 1)


def test_few_requests_are_examined_in_every_sweep(opened: list[int], later: None) -> None:
    assert [requests_to_settle(turn=turn) for turn in (0, 1)] == [opened, opened]


def test_every_request_is_examined_in_its_turn(opened: list[int], later: None, small_parts: None) -> None:
    sweeps = [requests_to_settle(turn=turn) for turn in range(9, 13)]
    assert max(len(sweep) for sweep in sweeps) == 1
    assert sorted(chain.from_iterable(sweeps)) == opened


def test_nothing_is_left_out_when_the_number_of_requests_changes() -> None:
    random = Random(7)  # noqa: S311 - no secret
    for number in range(1, 300):
        counts = [random.choice([1, 150, 900, 5_000, 30_000]) for _ in range(64)]
        sizes = [random.choice([200, 1000]) for _ in range(64)]
        turns = enumerate(zip(counts, sizes, strict=True), start=random.randrange(1000))
        parts = [(turn, settle._parts_of(count, size)) for turn, (count, size) in turns]
        assert any(number % several == turn % several for turn, several in parts)


def test_a_request_whose_run_or_model_changed_is_examined_at_once(
    opened: list[int], later: None, small_parts: None, by_ada: Actor
) -> None:
    versions = [TransitionRequest.objects.get(pk=pk).version for pk in opened]
    turn = next(turn for turn in range(4) if turn not in {pk % 4 for pk in opened})
    assert requests_to_settle(turn=turn) == []
    log_metric(actor=by_ada, run_id=versions[2].run_id, point=Point("val_auc", 0.5, 1, 1))
    assert requests_to_settle(turn=turn) == [opened[2]]
    set_version_tag(actor=by_ada, name="fraud", version=versions[1].version, key="k", value="v")
    assert requests_to_settle(turn=turn) == opened


def test_a_logged_model_that_changed(opened: list[int], later: None, small_parts: None) -> None:
    request = TransitionRequest.objects.get(pk=opened[1])
    type(request.version).objects.filter(pk=request.version_id).update(logged_model_id="m-1")
    turn = next(turn for turn in range(4) if turn not in {pk % 4 for pk in opened})
    with transaction.atomic():
        record(actor=system_actor("test"), action=Action.TRACKING_LOGGED_MODEL_TAGS_SET, obj="logged-model:m-1")
    assert requests_to_settle(turn=turn) == [opened[1]]


def test_after_a_change_of_a_group_all_are_examined(opened: list[int], later: None, small_parts: None) -> None:
    turn = next(turn for turn in range(4) if turn not in {pk % 4 for pk in opened})
    assert requests_to_settle(turn=turn) == []
    with transaction.atomic():
        record(actor=system_actor("test"), action=Action.ACCOUNT_GROUP_CHANGED, obj="group:reviewers")
    assert requests_to_settle(turn=turn) == opened


def test_the_end_of_a_freeze_is_noticed_at_once(by_ada: Actor, new_version: NewVersion, small_parts: None) -> None:
    frozen: Json = {"name": "evening", "from": "2026-12-24T18:00", "to": "2026-12-24T20:00"}
    publish(rules=[{"id": "freeze", "level": "hard", "not_during": [frozen]}])
    with time_machine.travel(datetime(2026, 12, 24, 18, 30, tzinfo=UTC), tick=False):
        ids = [ask(by_ada, new_version()).pk for _ in range(3)]
    ends = datetime(2026, 12, 24, 20, tzinfo=UTC)
    assert set(TransitionRequest.objects.values_list("recheck_at", flat=True)) == {ends}
    turn = next(turn for turn in range(4) if turn not in {pk % 4 for pk in ids})
    with time_machine.travel(ends - timedelta(seconds=1), tick=False):
        assert requests_to_settle(turn=turn) == []
    with time_machine.travel(ends, tick=False):
        assert requests_to_settle(turn=turn) == ids
        for pk in ids:
            assert settle_request(actor=system_actor("test"), request_id=pk).request.state == "approved"


def test_what_changed_by_time_and_stays_open_is_examined_once(
    by_ada: Actor, new_version: NewVersion, small_parts: None
) -> None:
    frozen: Json = {"name": "evening", "from": "2026-12-24T18:00", "to": "2026-12-24T20:00"}
    publish(rules=[REVIEWERS, {"id": "freeze", "level": "hard", "not_during": [frozen]}])
    with time_machine.travel(datetime(2026, 12, 24, 18, 30, tzinfo=UTC), tick=False):
        request = ask(by_ada, new_version())
    turn = request.pk + 1
    with time_machine.travel(datetime(2026, 12, 24, 20, 1, tzinfo=UTC), tick=False):
        assert requests_to_settle(turn=turn) == [request.pk]
        settle_request(actor=system_actor("test"), request_id=request.pk)
        assert requests_to_settle(turn=turn) == []
    request.refresh_from_db()
    assert request.recheck_at == request.expires_at


def test_more_requests_cost_no_more_queries(opened: list[int]) -> None:
    with CaptureQueriesContext(connection) as all_three:
        requests_to_settle()
    TransitionRequest.objects.filter(pk__in=opened[1:]).update(state="withdrawn", closed_at=timezone.now())
    with CaptureQueriesContext(connection) as one:
        requests_to_settle()
    assert len(all_three) == len(one)
