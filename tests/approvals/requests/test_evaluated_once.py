"""A case is loaded once and its rules are evaluated once for each lock that a call takes, whatever the call then does
with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from approvals.case.loading import Case, load_case, load_cases
from approvals.models import RequestState, TransitionRequest
from approvals.requests.open import open_request
from approvals.requests.override import override_rule, withdraw_override
from approvals.requests.review import decide_request
from approvals.requests.settle import settle_request
from approvals.requests.transition import request_transition
from approvals.verdict.evaluation import evaluate
from core.actors import Actor, system_actor
from core.errors import GateRefused
from registry.models import ModelVersion
from registry.stages import Stage
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import REVIEWERS, Json, publish
from tracking.verification import verify_again

Counts = Counter[str]
SOFT_CARD: Json = {"id": "card", "level": "soft", "check": "card.complete", "override": ["reviewers"]}


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Count how often requests are loaded as cases, and verdicts are evaluated."""
    counted: Counts = Counter()

    def counting_load(requests: Sequence[TransitionRequest], **more: Any) -> list[Case]:
        counted["load"] += 1
        return load_cases(requests, **more)

    def counting_evaluate(*args: Any) -> object:
        counted["evaluate"] += 1
        return evaluate(*args)

    monkeypatch.setattr("approvals.case.loading.load_cases", counting_load)
    monkeypatch.setattr("approvals.case.loading.evaluate", counting_evaluate)
    return counted


def move(actor: Actor, version: ModelVersion) -> ModelVersion:
    return request_transition(
        actor=actor,
        name="fraud",
        version=version.version,
        target=Stage.PRODUCTION,
        archive_existing=True,
    )


def test_a_page_view(ready: TransitionRequest, bea: User, counts: Counts) -> None:
    client = Client()
    client.force_login(bea)
    assert client.get(f"/admin/approvals/transitionrequest/{ready.pk}/change/").status_code == 200
    assert counts == {"load": 1, "evaluate": 1}


def test_a_view_of_the_api(ready: TransitionRequest, bea: User, counts: Counts) -> None:
    client = Client()
    client.force_login(bea)
    assert client.get(f"/api/v1/transition-requests/{ready.pk}").status_code == 200
    assert counts == {"load": 1, "evaluate": 1}


@pytest.mark.parametrize("decision", ["approve", "request_changes"])
def test_a_decision(decision: str, ready: TransitionRequest, by_bea: Actor, counts: Counts) -> None:
    seen = load_case(reread(ready)).snapshot.subject_digest
    counts.clear()
    decide_request(actor=by_bea, request_id=ready.pk, decision=decision, comment="Said.", seen_digest=seen)
    assert reread(ready).state == (RequestState.APPROVED if decision == "approve" else RequestState.OPEN)
    assert counts == {"load": 1, "evaluate": 1}


def test_a_rejection_evaluates_nothing(ready: TransitionRequest, by_bea: Actor, counts: Counts) -> None:
    decide_request(actor=by_bea, request_id=ready.pk, decision="reject", comment="No.")
    assert reread(ready).state == RequestState.REJECTED
    assert counts == {"load": 1}


def test_an_override_and_its_withdrawal(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, run_checks: RunChecks, counts: Counts
) -> None:
    publish(rules=[REVIEWERS, SOFT_CARD])
    row = new_version(card=False)
    asked = open_request(actor=by_ada, name="fraud", version=row.version, target="Production", archive_existing=True)
    digest = run_checks(asked).snapshot.subject_digest
    counts.clear()
    given = override_rule(actor=by_bea, request_id=asked.pk, rule="card", reason="Later.", seen_digest=digest)
    assert counts == {"load": 1, "evaluate": 1}
    withdraw_override(actor=by_bea, request_id=asked.pk, override_id=given.pk, reason="Now.")
    assert counts == {"load": 2, "evaluate": 2}


def test_settling(ready: TransitionRequest, counts: Counts) -> None:
    settle_request(actor=system_actor("test"), request_id=ready.pk)
    assert counts == {"load": 1, "evaluate": 1}


def test_a_transition_call(
    policies: object, new_version: NewVersion, run_checks: RunChecks, by_ada: Actor, by_bea: Actor, counts: Counts
) -> None:
    version = new_version()
    with pytest.raises(GateRefused):
        move(by_ada, version)
    assert counts["evaluate"] == 2  # opening, and settling after the wait, which takes a lock of its own
    (request,) = TransitionRequest.objects.with_relations()
    digest = run_checks(request).snapshot.subject_digest
    counts.clear()
    with pytest.raises(GateRefused):
        move(by_ada, version)
    assert counts == {"load": 1, "evaluate": 1}
    decide_request(actor=by_bea, request_id=request.pk, decision="approve", comment="Good.", seen_digest=digest)
    # else the move is begun, finds that files have to be read first, and is begun again
    verify_again(version.artifact_path)
    counts.clear()
    assert move(by_ada, version).stage == Stage.PRODUCTION
    # the approved request is found without a lock; the gate evaluates under the lock of the move
    assert counts == {"load": 1, "evaluate": 1}
    counts.clear()
    move(by_ada, version)
    assert not counts
