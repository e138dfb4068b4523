"""Approvals count while the reviewer is a member, and not where a party to the request decided on the membership."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.groups.members import add_member, set_expiry
from accounts.groups.owners import add_owner
from accounts.models import Membership, User
from approvals.case.loading import load_case
from approvals.models import RequestState, Review, TransitionRequest
from approvals.requests.settle import apply_request
from core.actors import Actor
from core.errors import Denied, GateRefused
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import approve, ask, publish
from tests.signed_in import actor_of

SOON = timedelta(hours=1)


@pytest.fixture
def request_(new_version: NewVersion, by_ada: Actor) -> TransitionRequest:
    """Ada's request for Production."""
    publish()
    return ask(by_ada, new_version())


@pytest.fixture
def owned_by_ada(ada: User, bea: User, ops: User) -> None:
    """Ada, who asks, owns the group of reviewers."""
    add_owner(actor=actor_of(ops), group="reviewers", username="ada")


def test_an_approval_ends_with_the_membership(
    request_: TransitionRequest, by_ada: Actor, by_bea: Actor, bea: User
) -> None:
    approve(by_bea, request_)
    assert reread(request_).state == RequestState.APPROVED
    Membership.objects.filter(user=bea).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not load_case(reread(request_)).verdict.is_approved
    with pytest.raises(GateRefused):
        apply_request(actor=by_ada, request_id=request_.pk)
    assert reread(request_).version.stage == "None"


def test_an_owner_who_asks_gives_nobody_a_vote(
    owned_by_ada: None, request_: TransitionRequest, by_ada: Actor, cy: User
) -> None:
    add_member(actor=by_ada, group="reviewers", username="cy")
    with pytest.raises(Denied, match=r"ada added the account cy to reviewers on .* less than 7 days before"):
        approve(actor_of(cy), request_)
    assert not Review.objects.exists()


def test_an_owner_who_asks_prolongs_no_vote(
    owned_by_ada: None, request_: TransitionRequest, by_ada: Actor, bea: User
) -> None:
    Membership.objects.filter(user=bea).update(expires_at=timezone.now() + SOON)
    set_expiry(actor=by_ada, group="reviewers", username="bea", expires_at=None)
    with pytest.raises(Denied, match="ada extended the membership of the account bea in reviewers"):
        approve(actor_of(bea), request_)


def test_nor_by_an_owner_whom_they_made(
    request_: TransitionRequest, ada: User, by_ada: Actor, bea: User, cy: User
) -> None:
    User.objects.filter(pk=ada.pk).update(is_superuser=True)
    ada.refresh_from_db()
    add_owner(actor=actor_of(ada), group="reviewers", username="bea")
    add_member(actor=actor_of(bea), group="reviewers", username="cy")
    with pytest.raises(Denied, match="bea added the account cy to reviewers"):
        approve(actor_of(cy), request_)
    with pytest.raises(Denied, match="ada made the account bea an owner of reviewers"):
        approve(actor_of(bea), request_)


def test_another_owner_does(request_: TransitionRequest, ops: User, bea: User, cy: User) -> None:
    add_owner(actor=actor_of(ops), group="reviewers", username="bea")
    add_member(actor=actor_of(bea), group="reviewers", username="cy", expires_at=timezone.now() + SOON)
    approve(actor_of(cy), request_)
    assert load_case(reread(request_)).verdict.approvers == ("cy",)
    assert Group.objects.get(name="reviewers").user_set.filter(username="cy").exists()
