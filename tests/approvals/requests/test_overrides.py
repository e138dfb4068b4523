"""A soft rule is overridden by the group it names, with a reason, for one digest, on the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from accounts.services import create_user
from approvals.case.loading import load_case
from approvals.models import Override, RequestState, TransitionRequest
from approvals.requests.override import override_rule
from approvals.requests.review import decide_request
from audit.actions import Action
from audit.models import Event
from core.actors import Actor
from core.errors import Conflict, Denied, DomainError, InvalidInput, InvalidState, NotFound
from policies.defaults import DEFAULT_POLICIES
from registry.queries import current_card
from registry.services.cards import edit_card
from tests.approvals.conftest import Ask, NewVersion, RunChecks, fill_card, reread
from tests.approvals.publishing import publish_policy
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of


def digest_of(request: TransitionRequest) -> str:
    return load_case(reread(request)).snapshot.subject_digest


def override(actor: Actor, request: TransitionRequest, **more: str) -> Override:
    given: dict[str, Any] = {"rule": "card", "reason": "Card follows.", "seen_digest": digest_of(request)} | more
    return override_rule(actor=actor, request_id=request.pk, **given)


@pytest.fixture
@recorded_fixture
def rita(db: None) -> User:
    """Rita answers for risks."""
    user = User.objects.create_user("rita", password="rita-password-1")
    user.groups.add(Group.objects.get_or_create(name="risk")[0])
    return user


@pytest.fixture
def by_rita(rita: User, acting: Acting) -> Actor:
    return acting(rita)


@pytest.fixture
@recorded_fixture
def bare(policies: object, rita: User, new_version: NewVersion, ask: Ask, run_checks: RunChecks) -> TransitionRequest:
    """A request whose card is empty, under a policy that lets `risk` override that."""
    rules = [
        {**rule, "level": "soft", "override": ["risk"]} if rule["id"] == "card" else rule
        for rule in DEFAULT_POLICIES[1]["rules"]  # type: ignore[attr-defined]  # a list of rules
    ]
    publish_policy(body={**DEFAULT_POLICIES[1], "rules": rules})
    request = ask(new_version(card=False))
    run_checks(request)
    return reread(request)


def refused(actor: Actor, request: TransitionRequest, error: type[DomainError], **more: str) -> None:
    with pytest.raises(error):
        override(actor, request, **more)
    assert not Override.objects.exists()
    assert not Event.objects.filter(action=Action.APPROVALS_RULE_OVERRIDDEN).exists()


def test_an_override_lets_the_approval_count(bare: TransitionRequest, by_rita: Actor, by_bea: Actor) -> None:
    made = override(by_rita, bare)
    assert made.subject_digest == digest_of(bare)
    row = next(row for row in load_case(reread(bare)).verdict.rules if row.rule == "card")
    assert row.why.startswith("Overridden by rita: Card follows.")
    seen = digest_of(bare)
    decide_request(actor=by_bea, request_id=bare.pk, decision="approve", comment="Fine.", seen_digest=seen)
    assert reread(bare).state == RequestState.APPROVED
    assert Event.objects.filter(action=Action.APPROVALS_RULE_OVERRIDDEN).count() == 1


def test_it_holds_for_one_state_alone(
    bare: TransitionRequest, by_rita: Actor, by_ada: Actor, run_checks: RunChecks
) -> None:
    override(by_rita, bare)
    with pytest.raises((Conflict, InvalidState)):
        override(by_rita, bare)
    number = current_card(bare.version).number
    edit_card(actor=by_ada, version=bare.version, fields={"limitations": "Weak at night."}, expected_number=number)
    case = run_checks(bare)
    assert "card" in [item["rule"] for item in case.verdict.blocked_by()]


def test_who_may_not_override(
    bare: TransitionRequest, by_rita: Actor, by_bea: Actor, by_ada: Actor, rita: User
) -> None:
    refused(by_bea, bare, Denied)
    refused(replace(by_rita, auth="token"), bare, Denied)
    rita.groups.clear()
    refused(by_rita, bare, Denied)


def test_nobody_overrides_for_their_own_work(bare: TransitionRequest, ada: User, by_ada: Actor) -> None:
    ada.groups.add(Group.objects.get(name="risk"))
    refused(by_ada, bare, Denied)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"reason": " "}, InvalidInput),
        ({"seen_digest": ""}, InvalidInput),
        ({"seen_digest": "0" * 64}, Conflict),
        ({"rule": "lineage"}, InvalidState),
        ({"rule": "nothing"}, NotFound),
    ],
)
def test_what_is_no_override(
    more: dict[str, str], error: type[DomainError], bare: TransitionRequest, by_rita: Actor
) -> None:
    refused(by_rita, bare, error, **more)


def test_a_rule_that_passes_is_not_overridden(
    bare: TransitionRequest, by_rita: Actor, by_ada: Actor, run_checks: RunChecks
) -> None:
    fill_card(by_ada, bare.version)
    run_checks(bare)
    refused(by_rita, bare, InvalidState)


def test_the_dialog_overrides(bare: TransitionRequest, rita: User, client: Client) -> None:
    client.force_login(rita)
    said = {"comment": "Card follows.", "seen_digest": digest_of(bare), "rule": "card"}
    answer = client.post(f"/requests/{bare.pk}/override/?rule=card&seen={digest_of(bare)}", said)
    assert answer.status_code == 302, answer.content.decode()
    assert Override.objects.get().rule == "card"


def test_an_account_that_the_requester_made_overrides_nothing(bare: TransitionRequest, by_ada: Actor) -> None:
    puppet = create_user(actor=by_ada, username="puppet", password="a-long-pass-1", groups=["risk"])
    refused(actor_of(puppet), bare, Denied)
