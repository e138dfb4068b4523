"""Every permission of approvals, asked for everybody: who may, who may not,
and what the audit log keeps of a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from approvals.case.loading import Case, load_case
from approvals.case.re_review_dates import re_reviews_for
from approvals.case.reviewer_roles import groups_of
from approvals.models import ApprovalComment, Override
from approvals.models.oversight import Finding, PostReview
from approvals.permissions import check_runs, independent_reviews, overrides, oversight, policies, requests, reviews
from approvals.permissions.refusal import Refusal, deny_if
from approvals.policy_changes.propose import propose_policy
from approvals.verdict.evaluation import RuleVerdict
from audit.actions import Action
from core.actors import Actor, system_actor
from core.errors import Denied
from core.refs import event_object_of, model_stream
from policies.models import PolicyProposal
from policies.parsing import parse_published
from policies.rules import BreakGlass
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, Json, ask, publish
from tests.approvals.publishing import polly
from tests.conftest import Acting
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of, token_actor

CARD: Json = {"id": "card", "level": "soft", "check": "card.complete", "override": ["reviewers"]}
GLASS = {"groups": ["reviewers"], "second_person": True, "post_review_within": "2h"}


@dataclass(frozen=True)
class World:
    """ada registered version 1 of `fraud` and opened a request to move it; each kind of thing she may or may not touch
    exists.
    """

    case: Case
    comment: ApprovalComment
    finding: Finding
    override: Override
    post_review: PostReview
    proposal: PolicyProposal

    @property
    def card_rule(self) -> RuleVerdict:
        return next(row for row in self.case.verdict.rules if row.rule == "card")


@pytest.fixture
def world(recorded_world: World, settings: Settings) -> World:
    settings.DEFAULT_MODEL_LEVEL = "read"
    return recorded_world


@pytest.fixture
@recorded_fixture
def recorded_world(new_version: NewVersion, by_ada: Actor, ada: User, bea: User, cy: User) -> World:
    publish("Production", rules=(REVIEWERS, FOUR_EYES, CARD), break_glass=GLASS, re_review_every="30d")
    version = new_version(card=False)
    now = timezone.now()
    version.review_due_at = now
    version.save(update_fields=["review_due_at"])
    request = reread(ask(by_ada, version))
    return World(
        case=load_case(request),
        comment=ApprovalComment.objects.create(version=version, author=ada, text="Look.", created_at=now),
        finding=Finding.objects.create(
            model=version.model, version=version, severity="high", title="Bad", owner=cy, opened_by="cy", opened_at=now
        ),
        override=Override.objects.create(
            request=request, rule="card", given_by=cy, reason="Later.", subject_digest="0" * 64
        ),
        post_review=PostReview.objects.create(
            request=request, requester=ada, broken_at=now, due_at=now + timedelta(hours=2)
        ),
        proposal=propose_policy(
            actor=polly(),
            body={
                "name": "fraud-production",
                "applies_to": {"target": "Production", "models": "fraud"},
                "rules": [REVIEWERS],
            },
        ),
    )


@pytest.fixture
def cast(ada: User, bea: User, cy: User, ops: User, bot: User, acting: Acting) -> dict[str, Actor]:
    """Return everybody who might ask: cy is an outsider, ada requester and author, bea a reviewer,
    bot ada's account.
    """
    bea.groups.add(Group.objects.get_or_create(name="policy-reviewers")[0])
    actors = {user.username: acting(user) for user in (ada, bea, cy, ops, bot)}
    actors["bea's token"] = token_actor(bea)
    actors["polly"] = polly()
    actors["system"] = system_actor("job")
    return actors


def to_decide(actor: Actor, world: World) -> Refusal | None:
    reviewer = reviews.load_reviewer(actor, [world.case.request.version.model_id])
    return reviews.refusal_to_decide(actor, world.case, reviews.eligibility_of(reviewer, world.case))


def to_confirm(actor: Actor, world: World) -> Refusal | None:
    version = world.case.request.version
    return independent_reviews.refusal_to_confirm_version(actor, version, re_reviews_for(version))


EVERYBODY = {"ada", "bea", "cy", "ops", "bot", "bea's token", "polly", "system"}
GLASS_OPTION = BreakGlass(groups=("reviewers",), second_person=True, post_review_within=timedelta(hours=2))
CASES: dict[str, tuple[Callable[[Actor, World], Refusal | None], Action, set[str]]] = {
    "open a request": (
        lambda actor, world: requests.refusal_to_open_request(actor, world.case.request.version),
        Action.APPROVALS_REQUEST_OPENED,
        EVERYBODY - {"system"},
    ),
    "withdraw a request": (
        lambda actor, world: requests.refusal_to_withdraw_request(actor, world.case.request),
        Action.APPROVALS_REQUEST_WITHDRAWN,
        {"ada", "ops", "system"},
    ),
    "decide on a request": (to_decide, Action.APPROVALS_REVIEW_GIVEN, {"bea"}),
    "override a rule": (
        lambda actor, world: overrides.refusal_to_override(actor, groups_of(actor), world.case, world.card_rule),
        Action.APPROVALS_RULE_OVERRIDDEN,
        {"bea"},
    ),
    "withdraw an override": (
        lambda actor, world: overrides.refusal_to_withdraw_override(
            actor, groups_of(actor), world.override, world.case.rules
        ),
        Action.APPROVALS_OVERRIDE_WITHDRAWN,
        {"bea", "cy"},
    ),
    "add a comment": (
        lambda actor, world: requests.refusal_to_add_comment(actor, world.comment.version),
        Action.APPROVALS_COMMENT_ADDED,
        EVERYBODY - {"system"},
    ),
    "edit a comment": (
        lambda actor, world: requests.refusal_to_edit_comment(actor, world.comment),
        Action.APPROVALS_COMMENT_EDITED,
        {"ada"},
    ),
    "delete a comment": (
        lambda actor, world: requests.refusal_to_delete_comment(actor, world.comment),
        Action.APPROVALS_COMMENT_DELETED,
        {"ada", "ops", "system"},
    ),
    "cancel a check": (
        lambda actor, world: check_runs.refusal_to_control_check(
            actor, world.case.request, Action.APPROVALS_CHECK_CANCELLED
        ),
        Action.APPROVALS_CHECK_CANCELLED,
        {"ada", "ops", "system"},
    ),
    "add a check key": (
        lambda actor, _world: check_runs.refusal_to_change_check_keys(actor, Action.APPROVALS_CHECK_KEY_ADDED, "ci"),
        Action.APPROVALS_CHECK_KEY_ADDED,
        {"ops", "system"},
    ),
    "use break-glass": (
        lambda actor, world: oversight.refusal_to_break_glass(actor, world.case.request.version, GLASS_OPTION),
        Action.APPROVALS_GLASS_BROKEN,
        {"bea"},
    ),
    "complete a post-review": (
        lambda actor, world: independent_reviews.refusal_to_complete_post_review(actor, world.post_review),
        Action.APPROVALS_POST_REVIEW_COMPLETED,
        {"bea"},
    ),
    "confirm a version": (to_confirm, Action.APPROVALS_RE_REVIEW_GIVEN, {"bea"}),
    "close a high finding": (
        lambda actor, world: oversight.refusal_to_close_finding(actor, world.finding),
        Action.APPROVALS_FINDING_CLOSED,
        {"cy", "ops"},
    ),
    "assign a finding": (
        lambda actor, world: oversight.refusal_to_assign_finding(actor, world.finding),
        Action.APPROVALS_FINDING_ASSIGNED,
        {"ada", "cy", "ops", "system"},
    ),
    "propose a policy": (
        lambda actor, _world: policies.refusal_to_propose(actor, "fraud-production"),
        Action.APPROVALS_PROPOSAL_OPENED,
        {"polly", "ops"},
    ),
    "decide on a proposal": (
        lambda actor, world: policies.refusal_to_decide_proposal(actor, world.proposal),
        Action.APPROVALS_PROPOSAL_REVIEWED,
        {"bea"},
    ),
    "withdraw a proposal": (
        lambda actor, world: policies.refusal_to_withdraw_proposal(actor, world.proposal),
        Action.APPROVALS_PROPOSAL_WITHDRAWN,
        {"polly", "ops"},
    ),
    "publish the default policies": (
        lambda actor, _world: policies.refusal_to_publish_defaults(actor, "production-default"),
        Action.APPROVALS_POLICY_PUBLISHED,
        {"system"},
    ),
}
# What belongs to no model has no event stream.
WITHOUT_STREAM = ("check key", "policy", "policies", "proposal")


@pytest.mark.parametrize("name", CASES)
def test_who_may(name: str, world: World, cast: dict[str, Actor]) -> None:
    refusal_to, action, allowed = CASES[name]
    refusals = {who: refusal_to(actor, world) for who, actor in cast.items()}
    assert {who for who, refusal in refusals.items() if refusal is None} == allowed
    stream = "" if name.endswith(WITHOUT_STREAM) else model_stream(world.case.request.version.model_id)
    for refusal in filter(None, refusals.values()):
        assert (refusal.action, event_object_of(refusal.obj).stream) == (action, stream)
        assert refusal.message.endswith(".")


def test_a_refusal_raises_with_what_the_audit_log_needs(world: World, by_bea: Actor) -> None:
    request = world.case.request
    with pytest.raises(Denied, match="may withdraw request") as caught:
        deny_if(requests.refusal_to_withdraw_request(by_bea, request))
    error = caught.value
    assert (error.action, error.obj) == (Action.APPROVALS_REQUEST_WITHDRAWN, f"transition-request:{request.pk}")
    assert error.stream == model_stream(request.version.model_id)


def test_the_owner_of_a_service_account_withdraws_what_it_opened(
    world: World, bot: User, cast: dict[str, Actor]
) -> None:
    request = world.case.request
    request.requester = bot
    assert requests.refusal_to_withdraw_request(cast["bot"], request) is None
    assert requests.refusal_to_withdraw_request(actor_of(bot.owner), request) is None  # type: ignore[arg-type]  # it has one
    assert requests.refusal_to_withdraw_request(cast["cy"], request) is not None


def test_a_request_of_an_account_that_is_switched_off_is_not_applied(world: World) -> None:
    request = world.case.request
    assert requests.refusal_to_apply_request(request) is None
    request.requester.is_active = False
    assert requests.refusal_to_apply_request(request) is not None


def test_a_switched_off_reviewer_decides_nothing(world: World, bea: User, cast: dict[str, Actor]) -> None:
    User.objects.filter(pk=bea.pk).update(is_active=False)
    refusal = to_decide(cast["bea"], world)
    assert refusal is not None
    assert "active account" in refusal.message


def test_nobody_proposes_a_policy_that_applies_to_their_request(world: World, ada: User, cy: User) -> None:
    body = parse_published(world.proposal.body)
    assert policies.refusal_to_propose_body(ada, body, None) is not None
    assert policies.refusal_to_propose_body(cy, body, None) is None


def test_every_permission_is_asked_here() -> None:
    """A permission function that nobody added to these tests fails this one."""
    source = Path(__file__).read_text(encoding="utf-8")
    modules = (check_runs, independent_reviews, oversight, overrides, policies, requests, reviews)
    named = {name for module in modules for name in vars(module) if name.startswith("refusal_to_")}
    assert [name for name in sorted(named) if f".{name}(" not in source] == []
