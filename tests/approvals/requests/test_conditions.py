"""Approving with conditions: a finding from the move on, told before it is due, blocking then,
and ending the approval.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.case.rollback_candidates import rollback_candidates
from approvals.models import ApprovalCondition, Review, TransitionRequest
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.condition_terms import ConditionTerms
from approvals.oversight.findings import close_finding
from approvals.oversight.overdue import flag_overdue
from approvals.packs.approval_records import approvals_of
from approvals.policy_changes.dry_run import dry_run
from approvals.policy_changes.replay import replay
from approvals.requests.review import decide_request
from core.actors import Actor
from core.errors import InvalidInput
from notices.models import Notice
from policies.models import PolicyRevision
from registry.locks import lock_model
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import PRODUCTION, ask, promote, publish, stage_of
from tests.approvals.publishing import publish_policy
from tests.recorded_fixtures import recorded_fixture

DAY = timedelta(days=1)


@pytest.fixture
@recorded_fixture
def asked(new_version: NewVersion, by_ada: Actor) -> TransitionRequest:
    """A request that one approval carries out, under a policy on leaving too."""
    publish()
    scope = {"leaves": "Production", "models": "fraud"}
    second = {"id": "second", "approvals": {"count": 1, "groups": ["reviewers"]}}
    publish_policy(body={"name": "leave", "applies_to": scope, "rules": [second]})
    return ask(by_ada, new_version())


def approve(reviewer: Actor, request: TransitionRequest, *conditions: ConditionTerms) -> None:
    decide_request(
        actor=reviewer,
        request_id=request.pk,
        decision="approve",
        comment="Good, but.",
        seen_digest=load_case(reread(request)).snapshot.subject_digest,
        conditions=conditions,
    )
    assert tasks.apply_request(request.pk) == "applied"


def terms(**more: object) -> ConditionTerms:
    now = timezone.now()
    fields = {"text": "Measure the recall by region.", "owner": "ada", "due_at": now + 10 * DAY, **more}
    return ConditionTerms(**fields)  # type: ignore[arg-type]  # a test's own fields


def test_a_condition_becomes_a_finding_and_is_shown(
    asked: TransitionRequest, by_bea: Actor, ada: User, client: Client
) -> None:
    approve(by_bea, asked, terms())
    finding = Finding.objects.get()
    assert (finding.origin, finding.owner, finding.state) == (FindingOrigin.CONDITION, ada, FindingState.OPEN)
    client.force_login(ada)
    for page in (f"/admin/approvals/transitionrequest/{asked.pk}/change/", "/models/fraud/versions/1/"):
        assert "Measure the recall by region." in client.get(page).content.decode()
    answer = client.get(f"/api/v1/transition-requests/{asked.pk}/reviews").json()
    assert [row["owner"] for row in answer["reviews"][0]["conditions"]] == ["ada"]
    [record] = approvals_of(asked.version)
    assert [row.text for row in record.reviews[0].conditions] == ["Measure the recall by region."]


def test_it_is_told_before_and_blocks_when_due(
    asked: TransitionRequest, by_ada: Actor, by_bea: Actor, ada: User, new_version: NewVersion
) -> None:
    approve(by_bea, asked, terms())
    promote(by_ada, by_bea, new_version())
    assert [row.obstacle for row in rollback_candidates(asked.version.model)] == [""]
    with time_machine.travel(timezone.now() + 8 * DAY):
        assert flag_overdue(timezone.now()) == 1
        assert flag_overdue(timezone.now()) == 0
        assert "is due on" in Notice.objects.filter(person=ada).order_by("-pk")[0].title
    with time_machine.travel(timezone.now() + 11 * DAY):
        assert "A condition of its approval is overdue" in rollback_candidates(asked.version.model)[0].obstacle
        again = ask(by_ada, ModelVersion.objects.get(version=1))
        assert [row.rule for row in load_case(again).verdict.rules if row.blocks][-1].startswith("condition-")
    assert stage_of(2) == PRODUCTION


def test_the_approval_ends_with_the_condition_open(asked: TransitionRequest, by_bea: Actor, ada: User) -> None:
    approve(by_bea, asked, terms(expires_at=timezone.now() + 20 * DAY))
    with time_machine.travel(timezone.now() + 19 * DAY):
        flag_overdue(timezone.now())
        assert stage_of(1) == PRODUCTION
    with time_machine.travel(timezone.now() + 21 * DAY):
        flag_overdue(timezone.now())
        assert stage_of(1) == ("Archived", False)
        assert ApprovalCondition.objects.get().expired_at is not None
        assert flag_overdue(timezone.now()) == 0
    assert "left Production" in Notice.objects.filter(person=ada).order_by("-pk")[0].title


def test_a_condition_that_was_met_ends_nothing(asked: TransitionRequest, by_ada: Actor, by_bea: Actor) -> None:
    approve(by_bea, asked, terms(expires_at=timezone.now() + 20 * DAY))
    close_finding(actor=by_bea, finding_id=Finding.objects.get().pk, state="resolved", comment="Measured.")
    with time_machine.travel(timezone.now() + 21 * DAY):
        flag_overdue(timezone.now())
    assert stage_of(1) == PRODUCTION


def test_a_condition_that_is_met_before_the_lock_ends_nothing(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish("Staging")
    approve(by_bea, ask(by_ada, new_version(), "Staging"), terms(expires_at=timezone.now() + 20 * DAY))

    def close_then_lock(model_id: int) -> None:
        close_finding(actor=by_ada, finding_id=Finding.objects.get().pk, state="resolved", comment="Measured.")
        lock_model(model_id)

    monkeypatch.setattr("approvals.oversight.conditions.lock_model", close_then_lock)
    with time_machine.travel(timezone.now() + 21 * DAY):
        flag_overdue(timezone.now())
    assert stage_of(1) == ("Staging", False)
    assert ApprovalCondition.objects.get().expired_at is None


def test_a_due_condition_blocks_no_leaving_in_a_trial_either(
    asked: TransitionRequest, by_ada: Actor, by_bea: Actor
) -> None:
    approve(by_bea, asked, terms())
    leave = PolicyRevision.objects.get(policy__name="leave").body
    with time_machine.travel(timezone.now() + 11 * DAY):
        request = ask(by_ada, asked.version, "Archived", archive_existing=False)
        assert [row.kind for row in load_case(reread(request)).verdict.rules] == ["approvals"]
        assert [row.kind for row in dry_run(actor=by_ada, body=leave, name="fraud", version=1).rules] == ["approvals"]
        [replayed] = replay(actor=by_ada, body=leave).rows
        assert [row.kind for row in replayed.verdict.rules] == ["approvals"]


PAST = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [{"text": " "}, {"owner": "nobody"}, {"owner": "bot"}, {"due_at": PAST}, {"expires_at": PAST}],
)
def test_a_bad_condition_is_refused(
    asked: TransitionRequest, by_bea: Actor, bot: User, wrong: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput):
        approve(by_bea, asked, terms(**wrong))
    assert not Review.objects.exists()


def test_the_dialog_takes_a_condition(asked: TransitionRequest, bea: User, client: Client) -> None:
    client.force_login(bea)
    url = f"/requests/{asked.pk}/approve/"
    fields = {"comment": "But.", "seen_digest": load_case(asked).snapshot.subject_digest, "condition": "Measure."}
    assert "Enter who has to meet the condition." in client.post(url, fields).content.decode()
    client.post(url, {**fields, "owner": "ada", "due_at": f"{timezone.now() + 5 * DAY:%Y-%m-%dT%H:%M}"})
    assert ApprovalCondition.objects.get().text == "Measure."
