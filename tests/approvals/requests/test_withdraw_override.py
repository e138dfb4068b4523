"""An override that is taken back counts for nothing: before the approval, after it, and for whoever looks back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from django.test import Client

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import Override, OverrideWithdrawal, RequestState, TransitionRequest
from approvals.policy_changes.replay import Outcome, replay
from approvals.requests.override import override_rule, withdraw_override
from approvals.requests.review import decide_request
from approvals.verdict.facts import OverrideFacts
from audit.actions import Action
from audit.models import Event
from audit.queries import actor_name, facts
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, InvalidInput, InvalidState, NotFound
from notices.models import Notice
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, ask, publish, stage_of
from tests.approvals.publishing import person
from tests.console.conftest import SignedIn, signed_in, text_of
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of

__all__ = ["signed_in"]

CARD: dict[str, object] = {"id": "card", "level": "soft", "check": "card.complete", "override": ["risk"]}


@pytest.fixture
def rita(db: None) -> Actor:
    return actor_of(person("rita", "risk"))


@pytest.fixture
@recorded_fixture
def overridden(rita: Actor, new_version: NewVersion, by_ada: Actor, run_checks: RunChecks) -> Override:
    """A request whose empty card rita has let be; it moves an hour after its approval."""
    publish("Production", rules=(REVIEWERS, FOUR_EYES, CARD), apply_delay="1h")
    request = ask(by_ada, new_version(card=False))
    digest = run_checks(request).snapshot.subject_digest
    return override_rule(actor=rita, request_id=request.pk, rule="card", reason="It is small.", seen_digest=digest)


@pytest.fixture
@recorded_fixture
def approved(overridden: Override, by_bea: Actor) -> TransitionRequest:
    request = overridden.request
    decide_request(
        actor=by_bea, request_id=request.pk, decision="approve", comment="Good.", seen_digest=overridden.subject_digest
    )
    assert reread(request).state == RequestState.APPROVED
    return reread(request)


def take_back(actor: Actor, row: Override, reason: str = "It is not small.") -> Override:
    return withdraw_override(actor=actor, request_id=row.request_id, override_id=row.pk, reason=reason)


def blocking(request: TransitionRequest) -> list[str]:
    return [item["rule"] for item in load_case(reread(request)).verdict.blocked_by()]


def test_before_the_approval_the_rule_blocks_again(overridden: Override, rita: Actor, by_bea: Actor) -> None:
    assert blocking(overridden.request) == ["reviewers"]
    take_back(rita, overridden)
    assert blocking(overridden.request) == ["reviewers", "card"]
    with pytest.raises(InvalidState, match="while a check fails"):
        decide_request(
            actor=by_bea,
            request_id=overridden.request_id,
            decision="approve",
            comment="Good.",
            seen_digest=overridden.subject_digest,
        )
    assert reread(overridden.request).state == RequestState.OPEN


def test_after_the_approval_it_is_closed_and_never_moves(approved: TransitionRequest, rita: Actor) -> None:
    take_back(rita, Override.objects.get())
    found = reread(approved)
    assert (found.state, found.state_reason) == (
        RequestState.STALE,
        "rita withdrew the override of card: It is not small.",
    )
    TransitionRequest.objects.filter(pk=found.pk).update(apply_after=None)
    assert tasks.apply_request(found.pk) == "not applied"
    assert stage_of(1) == ("None", False)


def test_it_is_on_the_record_and_the_requester_hears_of_it(overridden: Override, rita: Actor) -> None:
    take_back(rita, overridden)
    event = Event.objects.get(action=Action.APPROVALS_OVERRIDE_WITHDRAWN)
    assert actor_name(event) == "rita"
    assert facts(event)["reason"] == "It is not small."
    assert Notice.objects.filter(person__username="ada", title__contains="withdrew the override of card").exists()


def test_another_of_the_group_may_and_may_override_it_anew(overridden: Override, rita: Actor) -> None:
    rob = actor_of(person("rob", "risk"))
    take_back(rob, overridden)
    digest = overridden.subject_digest
    with pytest.raises(Conflict, match="cannot be given again"):
        override_rule(actor=rita, request_id=overridden.request_id, rule="card", reason="Yes.", seen_digest=digest)
    override_rule(actor=rob, request_id=overridden.request_id, rule="card", reason="No, it is.", seen_digest=digest)
    assert blocking(overridden.request) == ["reviewers"]


def test_the_giver_may_after_leaving_the_group(overridden: Override, rita: Actor) -> None:
    User.objects.get(username="rita").groups.clear()
    assert take_back(rita, overridden).withdrawn is not None


def refused(actor: Actor, row: Override, error: type[DomainError], reason: str = "r") -> None:
    before = OverrideWithdrawal.objects.count()
    with pytest.raises(error):
        take_back(actor, row, reason)
    assert OverrideWithdrawal.objects.count() == before
    assert Event.objects.filter(action=Action.APPROVALS_OVERRIDE_WITHDRAWN, outcome="ok").count() == before


def test_others_tokens_and_silence_are_refused(
    overridden: Override, rita: Actor, by_ada: Actor, by_bea: Actor, ops: User
) -> None:
    for actor in (by_ada, by_bea, actor_of(ops), replace(rita, auth="token")):
        refused(actor, overridden, Denied)
    refused(rita, overridden, InvalidInput, reason="  ")
    refused(rita, Override(pk=10**6, request_id=overridden.request_id), NotFound)


def test_once_is_enough_and_closed_is_too_late(approved: TransitionRequest, rita: Actor) -> None:
    row = Override.objects.get()
    TransitionRequest.objects.filter(pk=approved.pk).update(apply_after=None)
    assert tasks.apply_request(approved.pk) == "applied"
    refused(rita, row, InvalidState)
    assert stage_of(1) == ("Production", True)


def test_twice_is_a_conflict(overridden: Override, rita: Actor) -> None:
    take_back(rita, overridden)
    refused(rita, overridden, Conflict)


def test_the_past_counts_it_as_it_was(approved: TransitionRequest, by_ada: Actor) -> None:
    """A withdrawal in the database after the move changes nothing of what was decided."""
    TransitionRequest.objects.filter(pk=approved.pk).update(apply_after=None)
    assert tasks.apply_request(approved.pk) == "applied"
    row = Override.objects.get()
    OverrideWithdrawal.objects.create(override=row, withdrawn_by=row.given_by, reason="Late.")
    body = {**approved.policy_revision.body}
    assert [found.outcome for found in replay(actor=by_ada, body=body).rows] == [Outcome.SAME]


def test_facts_know_from_when(overridden: Override, rita: Actor) -> None:
    take_back(rita, overridden)
    facts: OverrideFacts = load_case(reread(overridden.request)).snapshot.overrides[0]
    assert facts.withdrawn_at == OverrideWithdrawal.objects.get().withdrawn_at


@pytest.mark.parametrize("sql", ["UPDATE approvals_overridewithdrawal SET reason = 'x'", "DELETE FROM approvals_overridewithdrawal"])  # fmt: skip
def test_it_is_written_once(sql: str, overridden: Override, rita: Actor) -> None:
    take_back(rita, overridden)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_page_has_the_button_for_who_may(overridden: Override, signed_in: SignedIn, bea: User) -> None:
    page = f"/admin/approvals/transitionrequest/{overridden.request_id}/change/"
    assert "override/withdraw" not in text_of(signed_in(bea).get(page))
    client = signed_in(User.objects.get(username="rita"))
    assert "override/withdraw" in text_of(client.get(page))
    url = f"/requests/{overridden.request_id}/override/withdraw/?override={overridden.pk}"
    assert "Why is the override withdrawn?" in text_of(client.get(url, headers={"HX-Request": "true"}))
    send(client, url, overridden)
    said = text_of(client.get(page))
    assert "Withdrawn</span>" in said
    assert "override/withdraw" not in said


def send(client: Client, url: str, row: Override) -> None:
    answer = client.post(url, {"comment": "Wrong.", "override": row.pk}, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"].endswith("/change/")


def test_the_api_takes_it_back(overridden: Override, signed_in: SignedIn) -> None:
    client = signed_in(User.objects.get(username="rita"))
    url = f"/api/v1/transition-requests/{overridden.request_id}/overrides"
    answer = client.post(f"{url}/{overridden.pk}/withdraw", {"reason": "Wrong."}, content_type="application/json")
    assert answer.json()["withdrawal"]["withdrawn_by"] == "rita"
    assert client.get(url).json()["overrides"][0]["withdrawal"]["reason"] == "Wrong."
    assert client.post(f"{url}/{overridden.pk}/withdraw", {}, content_type="application/json").status_code == 400


def test_groups_are_those_the_rule_names(overridden: Override, by_bea: Actor, bea: User) -> None:
    bea.groups.add(Group.objects.get_or_create(name="operators")[0])
    refused(by_bea, overridden, Denied)
