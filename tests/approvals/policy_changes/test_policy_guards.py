"""What the database refuses about policies."""

from __future__ import annotations

import copy

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from approvals.policy_changes.propose import propose_policy
from core.append_only import AppendOnlyError
from policies.defaults import DEFAULT_POLICIES
from policies.models import Policy, PolicyProposal, PolicyReview, PolicyRevision
from tests.approvals.publishing import approve, person, polly
from tests.recorded_fixtures import recorded_fixture


@pytest.fixture
@recorded_fixture
def proposal(policies: object) -> PolicyProposal:
    body = {**copy.deepcopy(DEFAULT_POLICIES[1]), "description": "Said in words."}
    return propose_policy(actor=polly(), body=body)


def refuses(sql: str, match: str) -> None:
    with pytest.raises(Error, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def review(proposal: PolicyProposal, by: User, digest: str = "") -> PolicyReview:
    made = PolicyReview(
        proposal=proposal, reviewer=by, decision="approve", comment="Yes.", digest=digest or proposal.digest
    )
    made.save()
    return made


def test_the_proposer_cannot_review(proposal: PolicyProposal, bot: User, ada: User) -> None:
    with pytest.raises(Error, match="another person"), transaction.atomic():
        review(proposal, proposal.proposer)
    with pytest.raises(Error, match="another person"), transaction.atomic():
        review(proposal, bot)
    with pytest.raises(Error, match="another person"), transaction.atomic():
        review(proposal, ada, "0" * 64)
    assert not PolicyReview.objects.exists()


def test_the_owner_of_the_proposing_account_cannot_review(policies: object, bot: User, ada: User) -> None:
    made = PolicyProposal.objects.create(name="x", body={}, body_digest="1", digest="2", proposer=bot)
    with pytest.raises(Error, match="another person"), transaction.atomic():
        review(made, ada)


@pytest.mark.parametrize("change", ["body = '{}'", "digest = 'x'", "name = 'y'", "proposer_id = 0", "kind = 'retire'"])
def test_a_proposal_cannot_be_changed(proposal: PolicyProposal, change: str) -> None:
    refuses(f"UPDATE policies_policyproposal SET {change}", "never changes")  # noqa: S608 - our own words
    refuses("DELETE FROM policies_policyproposal", "append-only")


def test_a_closed_proposal_stays_closed(proposal: PolicyProposal) -> None:
    approve(proposal)
    refuses("UPDATE policies_policyproposal SET state = 'open'", "never changes")


def test_reviews_cannot_be_changed(proposal: PolicyProposal) -> None:
    given = review(proposal, person("quinn"))
    for sql in ("UPDATE policies_policyreview SET decision = 'reject'", "DELETE FROM policies_policyreview"):
        refuses(sql, "append-only")
    with pytest.raises(AppendOnlyError):
        given.save()


@pytest.mark.parametrize("name", ["production-default", "new"])
def test_no_revision_without_a_review(proposal: PolicyProposal, name: str) -> None:
    policy, _ = Policy.objects.get_or_create(name=name, defaults={"target": "Production"})
    with pytest.raises(Error, match="needs a review"), transaction.atomic():
        PolicyRevision(policy=policy, number=7, body=proposal.body, digest=proposal.body_digest).save()
    assert PolicyRevision.objects.count() == len(DEFAULT_POLICIES)


def test_no_other_revision_than_the_reviewed_one(proposal: PolicyProposal) -> None:
    review(proposal, person("quinn"))
    policy = Policy.objects.get(name=proposal.name)
    with pytest.raises(Error, match="needs a review"), transaction.atomic():
        PolicyRevision(policy=policy, number=2, body={}, digest="0" * 64).save()


def test_no_retirement_without_a_review(proposal: PolicyProposal) -> None:
    with pytest.raises(Error, match="needs a review"), transaction.atomic():
        Policy.objects.filter(name=proposal.name).update(is_active=False)
    assert Policy.objects.filter(is_active=True).count() == len(DEFAULT_POLICIES)
