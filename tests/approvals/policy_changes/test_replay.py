"""A replay returns what a draft would have decided on past requests."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import CheckRun, TransitionRequest
from approvals.models.oversight import Finding
from approvals.policy_changes.past_stages import PastStages, StageMove, stages_before
from approvals.policy_changes.replay import Outcome, Replay, replay
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request
from audit.models import Event
from core.actors import Actor
from policies.defaults import DEFAULT_POLICIES
from registry.models import ModelVersion
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.publishing import person
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of

PRODUCTION = DEFAULT_POLICIES[1]


def draft(*, without: str = "", count: int = 1, more: Any = ()) -> dict[str, Any]:
    kept = [copy.deepcopy(rule) for rule in PRODUCTION["rules"] if rule["id"] != without]  # type: ignore[attr-defined]  # a list
    for rule in kept:
        if rule["id"] == "reviewers":
            rule["approvals"]["count"] = count
    return {**PRODUCTION, "rules": [*kept, *more]}


@pytest.fixture
@recorded_fixture
def applied(ready: TransitionRequest, by_bea: Actor) -> TransitionRequest:
    seen = load_case(ready).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=ready.pk, decision="approve", comment="Fine.", seen_digest=seen)
    return apply_request(request_id=ready.pk)


def outcomes(found: Replay) -> dict[int, str]:
    return {row.request.pk: row.outcome.value for row in found.rows}


def test_the_same_policy_decides_the_same(applied: TransitionRequest, by_ada: Actor) -> None:
    before = Event.objects.count()
    found = replay(actor=by_ada, body=draft())
    assert outcomes(found) == {applied.pk: "same"}
    assert found.rows[0].verdict.is_approved
    assert found.totals == {"same": 1, "would_block": 0, "would_pass": 0, "unknown": 0}
    assert Event.objects.count() == before


def test_a_tighter_draft_would_have_blocked(applied: TransitionRequest, by_ada: Actor) -> None:
    soak = {"id": "soak", "soak": {"hours": 24}}
    found = replay(actor=by_ada, body=draft(count=2, more=[soak])).rows[0]
    assert found.outcome is Outcome.WOULD_BLOCK
    assert [row.rule for row in found.differing] == ["reviewers", "soak"]


def test_a_draft_that_asks_for_signatures_counts_no_unsigned_review(applied: TransitionRequest, by_ada: Actor) -> None:
    found = replay(actor=by_ada, body={**draft(), "options": {"e_signature": True}}).rows[0]
    assert found.outcome is Outcome.WOULD_BLOCK
    assert [row.rule for row in found.differing] == ["reviewers"]


def test_a_looser_draft_would_have_passed(ready: TransitionRequest, by_ada: Actor) -> None:
    withdraw_request(actor=by_ada, request_id=ready.pk)
    found = replay(actor=by_ada, body=draft(without="reviewers")).rows[0]
    assert found.outcome is Outcome.WOULD_PASS
    assert [row.rule for row in found.differing] == ["reviewers"]


def test_a_rejected_request_stays_rejected(ready: TransitionRequest, by_bea: Actor) -> None:
    decide_request(actor=by_bea, request_id=ready.pk, decision="reject", comment="No.")
    assert outcomes(replay(actor=by_bea, body=draft(without="reviewers"))) == {ready.pk: "same"}


def test_the_outcome_is_unknown_where_a_check_never_ran(applied: TransitionRequest, by_ada: Actor) -> None:
    tags = {"id": "more-tags", "check": "lineage.required_tags", "with": {"tags": ["owner"]}}
    found = replay(actor=by_ada, body=draft(more=[tags])).rows[0]
    assert found.outcome is Outcome.UNKNOWN
    assert "its result is unknown" in found.differing[0].why


def test_a_result_counts_whatever_the_id_of_the_rule(applied: TransitionRequest, by_ada: Actor) -> None:
    body = draft(without="card", more=[{"id": "documented", "check": "card.complete"}])
    assert outcomes(replay(actor=by_ada, body=body)) == {applied.pk: "same"}


def test_a_check_that_failed_then_counts_as_failed(
    policies: object, new_version: NewVersion, ask: Ask, run_checks: RunChecks, by_ada: Actor
) -> None:
    request = ask(new_version(card=False))
    run_checks(request)
    withdraw_request(actor=by_ada, request_id=request.pk)
    body = {**PRODUCTION, "rules": [{"id": "c", "check": "card.complete", "level": "advisory"}]}
    assert outcomes(replay(actor=by_ada, body=body)) == {request.pk: "would_pass"}
    assert CheckRun.objects.filter(request=request, state="failed").exists()


def test_the_incumbent_is_that_of_the_time(
    serving: ModelVersion, new_version: NewVersion, ask: Ask, run_checks: RunChecks, by_bea: Actor
) -> None:
    request = ask(new_version(auc=0.95))
    run_checks(request)
    seen = load_case(reread(request)).snapshot.subject_digest
    decide_request(actor=by_bea, request_id=request.pk, decision="approve", comment="Fine.", seen_digest=seen)
    apply_request(request_id=request.pk)
    twice = {"id": "twice", "applies_if": {"incumbent": True}, "approvals": {"count": 2, "groups": ["reviewers"]}}
    assert outcomes(replay(actor=by_bea, body=draft(more=[twice]))) == {request.pk: "would_block"}


def test_requests_outside_the_scope_are_left_out(applied: TransitionRequest, by_ada: Actor) -> None:
    body = {**draft(), "applies_to": {"target": "Production", "models": "churn*"}}
    found = replay(actor=by_ada, body=body)
    assert (found.rows, found.examined, found.next_before) == ((), 1, None)


def test_requests_of_invisible_models_are_left_out(applied: TransitionRequest, settings: Any, cy: User) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    assert replay(actor=actor_of(cy), body=draft()).candidates == 0


def test_it_is_returned_in_parts(policies: object, new_version: NewVersion, ask: Ask, by_ada: Actor) -> None:
    asked = [ask(new_version()).pk for _ in range(3)]
    first = replay(actor=by_ada, body=draft(), limit=2)
    assert (list(outcomes(first)), first.next_before, first.candidates) == ([asked[2], asked[1]], asked[1], 3)
    rest = replay(actor=by_ada, body=draft(), limit=2, before=first.next_before)
    assert (list(outcomes(rest)), rest.next_before) == ([asked[0]], None)


def test_more_requests_cost_no_more_queries(
    policies: object, new_version: NewVersion, ask: Ask, by_ada: Actor, run_checks: RunChecks
) -> None:
    counts = []
    for _ in range(2):
        run_checks(ask(new_version()))
        with CaptureQueriesContext(connection) as found:
            replay(actor=by_ada, body=draft())
        counts.append(len(found))
    assert counts[0] == counts[1]


def test_a_reviewer_who_left_no_longer_counts(applied: TransitionRequest, by_ada: Actor) -> None:
    person("bea").groups.clear()
    assert outcomes(replay(actor=by_ada, body=draft())) == {applied.pk: "would_block"}


def test_findings_count_that_were_open_then(applied: TransitionRequest, by_ada: Actor) -> None:
    then = applied.closed_at
    assert then is not None
    rows = {"open": (-2, None), "mended before": (-2, -1), "mended after": (-2, 1), "found after": (1, None)}
    for title, (opened, closed) in rows.items():
        done = {"state": "resolved", "closed_by": "x", "resolution": "x"} if closed else {}
        Finding.objects.create(
            model=applied.version.model,
            version=applied.version,
            severity="high",
            title=title,
            opened_by="x",
            opened_at=then + timedelta(hours=opened),
            closed_at=then + timedelta(hours=closed) if closed else None,
            **done,
        )
    found = replay(actor=by_ada, body=draft(more=[{"id": "f", "no_findings": {}}])).rows[0]
    assert found.outcome is Outcome.WOULD_BLOCK
    why = found.differing[0].why
    assert [title in why for title in rows] == [True, False, True, False]


def test_past_stages_are_read_from_the_moves() -> None:
    now = timezone.now()
    moves = [
        StageMove(now, 1, "Production", is_current=True, request=None),
        StageMove(now, 2, "Staging", is_current=False, request=None),
        StageMove(now, 2, "Production", is_current=True, request=7),
        StageMove(now, 1, "Archived", is_current=False, request=7),
    ]
    past = stages_before(moves, 7, now)
    assert past.staged_since(2) == {"Staging": now}
    assert (past.has_other_current(2), past.has_other_current(1)) == (True, False)
    assert len(stages_before(moves, 8, now).moves) == 4
    assert PastStages([]).staged_since(1) == {}
