"""A promotion is refused without a lock where that changes nothing, and moves on what was evaluated under the lock."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.case.held import holding
from approvals.models import RequestState, TransitionRequest
from approvals.requests import settle, transition
from approvals.requests.lifecycle import mark_stale, withdraw_request
from approvals.requests.open import open_request
from approvals.requests.review import decide_request
from approvals.requests.transition import request_transition
from audit.models import Event, OutboxMessage
from core.actors import Actor, system_actor
from core.errors import Denied, GateRefused
from registry.models import ModelVersion
from registry.services.models import set_model_tag
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import NO_FINDINGS, REVIEWERS, Json, approve, ask, publish
from tests.approvals.requests.test_evaluated_once import Counts, counts
from tests.signed_in import actor_of

__all__ = ["counts"]


def move(actor: Actor, version: ModelVersion, target: str = "Production", **more: Any) -> ModelVersion:
    archive = {"archive_existing": True, **more}
    return request_transition(actor=actor, name="fraud", version=version.version, target=target, **archive)


def locks_and_writes(call: Any) -> list[str]:
    """Return the statements of a refused call that begin a transaction, lock or write."""
    with CaptureQueriesContext(connection) as asked, pytest.raises(GateRefused):
        call()
    words = ("SAVEPOINT", "BEGIN", "INSERT", "UPDATE", "DELETE")
    return [row["sql"] for row in asked if row["sql"].startswith(words) or "FOR NO KEY UPDATE" in row["sql"]]


def test_a_refusal_that_says_nothing_new_takes_no_lock(new_version: NewVersion, by_ada: Actor) -> None:
    publish()
    version = new_version()
    assert locks_and_writes(lambda: move(by_ada, version))
    assert locks_and_writes(lambda: move(by_ada, version)) == []


def test_nor_one_after_a_rejection(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish()
    version = new_version()
    request = ask(by_ada, version)
    decide_request(actor=by_bea, request_id=request.pk, decision="reject", comment="No.")
    assert locks_and_writes(lambda: move(by_ada, version))  # the event of the refusal
    assert locks_and_writes(lambda: move(by_ada, version)) == []
    assert TransitionRequest.objects.count() == 1


def test_somebody_elses_refusal_is_an_event(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish()
    version = new_version()
    for actor in (by_ada, by_bea, by_bea):
        with pytest.raises(GateRefused):
            move(actor, version)
    assert Event.objects.filter(outcome="denied").count() == 2


@pytest.mark.parametrize(
    "more",
    [{"archive_existing": False}, {"comment": "Because."}, {"target": "Staging"}],
    ids=lambda more: str(more)[:20],
)
def test_other_terms_are_decided_under_the_lock(more: dict[str, Any], new_version: NewVersion, by_ada: Actor) -> None:
    publish()
    publish("Staging")
    version = new_version()
    with pytest.raises(GateRefused):
        move(by_ada, version)
    with CaptureQueriesContext(connection) as asked, pytest.raises(Exception):  # noqa: B017, PT011 - a refusal or a conflict
        move(by_ada, version, **more)
    assert any(row["sql"].startswith("SAVEPOINT") for row in asked)


def test_a_stranger_gets_no_answer_from_the_look(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, settings: Any
) -> None:
    publish()
    version = new_version()
    with pytest.raises(GateRefused):
        move(by_ada, version)
    settings.DEFAULT_MODEL_LEVEL = "read"
    with pytest.raises(Denied, match="may not edit"):
        move(by_bea, version)


def test_what_changed_is_settled(new_version: NewVersion, by_ada: Actor, ops: User) -> None:
    more: Json = {"id": "more", "level": "hard", "approvals": {"count": 2, "groups": ["reviewers"]}}
    publish(rules=[REVIEWERS, {**more, "applies_if": {"tags": {"critical": "yes"}}}])
    version = new_version()
    with pytest.raises(GateRefused):
        move(by_ada, version)
    set_model_tag(actor=actor_of(ops), name="fraud", key="critical", value="yes")
    with pytest.raises(GateRefused, match="needs 2 approvals"):
        move(by_ada, version)
    (request,) = TransitionRequest.objects.all()
    assert [row["rule"] for row in request.cached_verdict["blockers"]] == ["reviewers", "more"]  # type: ignore[index]  # it has one


def test_a_move_that_no_rule_blocks_is_evaluated_once(new_version: NewVersion, by_ada: Actor, counts: Counts) -> None:
    publish(rules=[NO_FINDINGS])
    version = new_version()
    counts.clear()
    assert move(by_ada, version).stage == Stage.PRODUCTION
    assert counts == {"load": 1, "evaluate": 1}
    (request,) = TransitionRequest.objects.all()
    assert request.state == RequestState.APPLIED
    actions = Event.objects.filter(object_ref=f"transition-request:{request.pk}").order_by("id")
    assert [row.action.rpartition(".")[2] for row in actions] == ["opened", "approved", "applied"]
    assert not OutboxMessage.objects.filter(task="approvals.tasks.apply_request").exists()


def test_a_held_case_is_for_its_own_request(new_version: NewVersion, by_ada: Actor) -> None:
    """What one transaction has evaluated for a request lets no other version pass."""
    publish(rules=[REVIEWERS])
    first, second = new_version(), new_version()
    publish(rules=[NO_FINDINGS])
    case = settle.settle_request(actor=system_actor("test"), request_id=ask(by_ada, first).pk)
    assert case.request.state == RequestState.APPROVED
    with transaction.atomic(), holding(case), pytest.raises(GateRefused, match="Nobody has asked"):
        change_stage(actor=by_ada, version=second, target=Stage.PRODUCTION, archive_existing=True, reason="")


def test_one_that_cannot_be_applied_stays_approved(
    new_version: NewVersion, by_ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(rules=[NO_FINDINGS])
    version = new_version()

    def refuse(**_facts: Any) -> None:
        raise Denied("Not now.", action="registry.stage.changed")

    with monkeypatch.context() as patch:
        patch.setattr(settle, "move_to_target", refuse)
        with pytest.raises(Denied, match="Not now"):
            move(by_ada, version)
    (request,) = TransitionRequest.objects.all()
    assert (request.state, version.stage) == (RequestState.APPROVED, Stage.NONE)
    assert OutboxMessage.objects.filter(task="approvals.tasks.apply_request").count() == 1
    assert move(by_ada, version).stage == Stage.PRODUCTION


@pytest.mark.parametrize("close", [mark_stale, withdraw_request])
def test_a_request_that_is_closed_after_the_look_moves_nothing(
    close: Any, new_version: NewVersion, by_ada: Actor, by_bea: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    version = new_version()
    request = approve(by_bea, ask(by_ada, version))
    apply = settle.apply_request

    def closed_first(**arguments: Any) -> TransitionRequest:
        close(actor=by_ada, request_id=request.pk, **({"reason": "x"} if close is mark_stale else {}))
        monkeypatch.setattr(transition, "apply_request", apply)
        return apply(**arguments)

    monkeypatch.setattr(transition, "apply_request", closed_first)
    with pytest.raises(GateRefused):
        move(by_ada, version)
    version.refresh_from_db()
    assert version.stage == Stage.NONE
    assert TransitionRequest.objects.exclude(pk=request.pk).get().state == RequestState.OPEN


def test_a_fact_that_changes_after_the_look_is_read_under_the_lock(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    version = new_version()
    request = approve(by_bea, ask(by_ada, version))
    apply = settle.apply_request

    def after_a_change(**arguments: Any) -> TransitionRequest:
        by_bea_user = request.reviews.get().reviewer
        by_bea_user.groups.clear()
        monkeypatch.setattr(transition, "apply_request", apply)
        return apply(**arguments)

    monkeypatch.setattr(transition, "apply_request", after_a_change)
    with pytest.raises(GateRefused):
        move(by_ada, version)
    assert reread(request).state == RequestState.STALE
    version.refresh_from_db()
    assert version.stage == Stage.NONE


@pytest.mark.django_db(transaction=True)
def test_the_messages_of_a_commit_are_marked_together(
    policies: object, new_version: NewVersion, by_ada: Actor, run_checks: RunChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr("audit.dispatch._Broker.away_until", 0.0)  # another test may have found no broker
    monkeypatch.setattr("audit.dispatch.current_app.send_task", lambda task, **_more: sent.append(task))
    version = new_version()
    sent.clear()
    with CaptureQueriesContext(connection) as asked:
        open_request(actor=by_ada, name="fraud", version=version.version, target="Production", archive_existing=True)
    assert len(sent) > 1
    marked = [row["sql"] for row in asked if row["sql"].startswith('UPDATE "audit_outboxmessage"')]
    assert len(marked) == 1
    assert not OutboxMessage.objects.filter(delivered_at__isnull=True).exists()
