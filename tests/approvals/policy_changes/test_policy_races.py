"""Two reviewers at the same moment publish one revision, and nothing in part."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from approvals.policy_changes.propose import propose_policy
from policies.defaults import DEFAULT_POLICIES
from policies.models import PolicyProposal, PolicyReview, PolicyRevision
from tests.approvals.publishing import approve, person, polly
from tests.approvals.requests.test_races import at_once
from tests.signed_in import actor_of

pytestmark = pytest.mark.django_db(transaction=True)


def body(**parts: Any) -> dict[str, Any]:
    return {**copy.deepcopy(DEFAULT_POLICIES[1]), **parts}


def states() -> list[str]:
    return sorted(PolicyProposal.objects.values_list("state", flat=True))


@pytest.mark.parametrize("name", ["production-default", "new-one"])
def test_two_proposals_approved_at_once(policies: object, name: str) -> None:
    first, second = (propose_policy(actor=polly(), body=body(name=name, description=words)) for words in "ab")
    quinn, rose = (actor_of(person(who, "policy-reviewers")) for who in ("quinn", "rose"))
    before = PolicyRevision.objects.count()
    at_once(lambda: approve(first, quinn), lambda: approve(second, rose))
    assert states() == ["published", "stale"]
    assert PolicyRevision.objects.count() == before + 1
    assert PolicyReview.objects.count() == 1


def test_one_proposal_approved_twice_at_once(policies: object) -> None:
    made = propose_policy(actor=polly(), body=body(description="x"))
    quinn, rose = (actor_of(person(who, "policy-reviewers")) for who in ("quinn", "rose"))
    given = at_once(lambda: approve(made, quinn), lambda: approve(made, rose))
    assert sum(isinstance(item, PolicyProposal) for item in given) == 1
    assert (states(), PolicyReview.objects.count()) == (["published"], 1)
