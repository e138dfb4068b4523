"""Who is told of what: those whom it concerns, once, never who did it, never who may not see it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import TransitionRequest
from approvals.oversight.findings import open_finding
from approvals.policy_changes.propose import propose_policy
from approvals.requests.comments import add_comment
from approvals.requests.delegate import create_delegation
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.review import decide_request
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from notices.consumers import on_event
from notices.models import Notice, Topic
from notices.queries import newest_notices, notices_of
from notices.services.reading import choose_notices, mark_all_read, mark_read
from registry.permissions import Level, grant_level
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.approvals.publishing import person, polly
from tests.approvals.requests.test_many_reviewers import POLICY
from tests.approvals.requests.test_who_decides import ask_for
from tests.conftest import Acting


def told(person: User) -> list[tuple[str, str]]:
    return list(Notice.objects.filter(person=person).order_by("pk").values_list("topic", "title"))


def decide(actor: Actor, request: TransitionRequest, decision: str) -> None:
    seen = load_case(reread(request)).snapshot.subject_digest
    decide_request(actor=actor, request_id=request.pk, decision=decision, comment="So.", seen_digest=seen)


def test_reviewers_are_asked_and_nobody_else(bea: User, cy: User, ada: User, ready: TransitionRequest) -> None:
    assert told(bea) == [(Topic.DECISION, "ada asks for your decision: fraud v1 → Production")]
    assert told(cy) == told(ada) == []


def test_who_stands_in_is_asked_too(
    by_bea: Actor, cy: User, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    create_delegation(actor=by_bea, delegate="cy", ends_at=timezone.now() + timedelta(days=1), reason="Away.")
    ask(new_version())
    assert [topic for topic, _ in told(cy)] == [Topic.DELEGATION, Topic.DECISION]


def test_who_may_not_see_the_model_is_not_told(
    bea: User, new_version: NewVersion, ask: Ask, settings: Settings, acting: Acting
) -> None:
    settings.DEFAULT_MODEL_LEVEL = "none"
    version = new_version()
    ask(version)
    assert told(bea) == []
    grant_level(user=bea, model=version.model, level=Level.READ)
    on_event(Event.objects.get(action=Action.APPROVALS_REQUEST_OPENED))
    assert len(told(bea)) == 1


def test_the_requester_hears_of_reviews_and_of_the_end(ready: TransitionRequest, by_bea: Actor, ada: User) -> None:
    decide(by_bea, ready, "request_changes")
    decide(by_bea, ready, "approve")
    tasks.apply_request(ready.pk)
    assert told(ada) == [
        (Topic.REVIEW, "bea asked for changes to fraud v1 → Production"),
        (Topic.REVIEW, "bea approved fraud v1 → Production"),
        (Topic.OUTCOME, "fraud v1 → Production is approved"),
        (Topic.OUTCOME, "fraud v1 → Production was applied"),
    ]


def test_nobody_is_told_of_what_they_did(ready: TransitionRequest, by_ada: Actor, ada: User) -> None:
    withdraw_request(actor=by_ada, request_id=ready.pk)
    assert told(ada) == []


def test_mentions_and_threads(ready: TransitionRequest, by_ada: Actor, by_bea: Actor, ada: User, cy: User) -> None:
    first = add_comment(actor=by_bea, name="fraud", version=1, text="What of night orders, @cy? mail bea@cy.org")
    assert told(cy) == [(Topic.MENTION, "bea named you on fraud v1")]
    assert told(ada) == [(Topic.COMMENT, "bea commented on fraud v1")]
    add_comment(actor=by_ada, name="fraud", version=1, text="None.", reply_to=first.pk)
    bea = User.objects.get(username="bea")
    assert told(bea)[-1] == (Topic.COMMENT, "ada commented on fraud v1")


def test_an_event_is_told_once(ready: TransitionRequest, bea: User) -> None:
    event = Event.objects.get(action=Action.APPROVALS_REQUEST_OPENED)
    on_event(event)
    on_event(event)
    assert len(told(bea)) == 1


def test_more_people_cost_no_more_queries(ready: TransitionRequest, bea: User) -> None:
    event = Event.objects.get(action=Action.APPROVALS_REQUEST_OPENED)

    def cost() -> int:
        Notice.objects.all().delete()
        with CaptureQueriesContext(connection) as queries:
            on_event(event)
        return len(queries)

    before = cost()
    for number in range(5):
        User.objects.create_user(f"reviewer-{number}").groups.set(bea.groups.all())
    assert cost() == before
    assert Notice.objects.count() == 6


def test_reminders_once_an_interval(
    policies: object, bea: User, new_version: NewVersion, ask: Ask, run_checks: RunChecks
) -> None:
    ask_for({"count": 1, "groups": ["reviewers"]}, remind_every="24h")
    request = ask(new_version())
    run_checks(request)
    assert tasks.remind_reviewers() == 0
    for hours, reminders in ((25, 1), (26, 1), (120, 2), (121, 2)):
        with time_machine.travel(request.opened_at + timedelta(hours=hours)):
            tasks.remind_reviewers()
        assert Event.objects.filter(action=Action.APPROVALS_REQUEST_REMINDED).count() == reminders
    assert [topic for topic, _ in told(bea)] == [Topic.DECISION, Topic.REMINDER, Topic.REMINDER]


def test_reading(by_bea: Actor, ready: TransitionRequest) -> None:
    rows, unread = newest_notices(by_bea, limit=5)
    assert (len(rows), unread) == (1, 1)
    mark_read(actor=by_bea, notice_id=rows[0].pk)
    assert newest_notices(by_bea, limit=5) == ([], 0)
    assert mark_all_read(actor=by_bea) == 0
    assert notices_of(by_bea).count() == 1


def test_what_is_not_wanted_is_not_shown(
    by_bea: Actor, bea: User, policies: object, new_version: NewVersion, ask: Ask
) -> None:
    choose_notices(actor=by_bea, choices={("mention", "inbox")})
    ask(new_version())
    assert notices_of(by_bea).count() == 0


@pytest.mark.parametrize("state", ["open", "approved"])
def test_requests_expire_closed(state: str, ready: TransitionRequest, by_bea: Actor, ada: User) -> None:
    if state == "approved":
        decide(by_bea, ready, "approve")
    with time_machine.travel(ready.expires_at + timedelta(seconds=1)):
        assert tasks.expire_requests() == 1
        assert tasks.apply_request(ready.pk) == "not applied"
    assert reread(ready).version.stage == "None"
    assert told(ada)[-1] == (Topic.OUTCOME, "fraud v1 → Production has expired")


def test_a_proposal_is_told_to_those_who_may_agree(db: None) -> None:
    agrees = person("quinn", "policy-reviewers")
    proposal = propose_policy(actor=polly(), body=POLICY, comment="Two people from now on.")
    assert told(agrees) == [(Topic.PROPOSAL, "polly proposes a change of the policy plain")]
    assert Notice.objects.get().path == f"/policies/proposals/{proposal.pk}/"
    assert told(person("polly")) == []


def test_who_left_the_group_has_no_notice_of_a_proposal(db: None, acting: Acting) -> None:
    agrees = person("quinn", "policy-reviewers")
    propose_policy(actor=polly(), body=POLICY, comment="Two people from now on.")
    assert notices_of(acting(agrees)).count() == 1
    agrees.groups.clear()
    assert notices_of(acting(agrees)).count() == 0
    assert newest_notices(acting(agrees), limit=5) == ([], 0)


def test_a_finding_is_told_to_its_owner(
    policies: object, new_version: NewVersion, by_ada: Actor, ada: User, bea: User
) -> None:
    new_version()
    open_finding(actor=by_ada, name="fraud", version=1, severity="high", title="Drifts", owner="bea")
    open_finding(actor=by_ada, name="fraud", version=1, severity="low", title="Slow", owner="ada")
    assert [(topic, title.partition("on ")[2]) for topic, title in told(bea)] == [
        (Topic.FINDING, "fraud is assigned to you: Drifts")
    ]
    assert told(ada) == []
