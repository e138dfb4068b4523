"""Whatever takes a second person takes one whose account none of the first persons made or changed shortly before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.administration import set_password
from accounts.changes import Change, note_change
from accounts.models import AccountChange, User
from accounts.services import create_user
from approvals.models import RetirementState
from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.condition_terms import ConditionTerms
from approvals.oversight.findings import assign_finding, close_finding, open_finding
from approvals.packs.retirements import ask_to_retire, decide_retirement, open_retirement
from approvals.policy_changes.propose import propose_policy
from core.actors import Actor
from core.errors import Denied, InvalidInput
from lineage.quarantine import active_quarantines, place_quarantine, release_quarantine
from policies.defaults import DEFAULT_POLICIES
from policies.models import PolicyProposal
from registry.models import ModelVersion
from registry.permissions import Level, grant_level
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import ask, publish
from tests.approvals.publishing import approve as approve_proposal
from tests.approvals.requests.test_conditions import approve as approve_with
from tests.signed_in import actor_of

DATA = "dataset-version:orders/v2.1"
DOUBT = "less than 7 days before"


def made_by(actor: Actor, *groups: str) -> Actor:
    return actor_of(create_user(actor=actor, username="puppet", password="a-long-pass-1", groups=groups))


def managing(actor: Actor, version: ModelVersion) -> Actor:
    grant_level(user=User.objects.get(username=actor.name), model=version.model, level=Level.MANAGE)
    return actor


def test_a_proposal_of_a_policy(policies: object, ops: User) -> None:
    proposal = propose_policy(actor=actor_of(ops), body={**DEFAULT_POLICIES[1], "options": {"expires_after": "7d"}})
    puppet = made_by(actor_of(ops), "policy-reviewers")
    with pytest.raises(Denied, match=DOUBT):
        approve_proposal(proposal, puppet)
    assert PolicyProposal.objects.get().state == "open"


def test_a_retirement(new_version: NewVersion, by_ada: Actor) -> None:
    version = new_version()
    ask_to_retire(actor=by_ada, name="fraud", reason="Replaced.")
    puppet = managing(made_by(by_ada), version)
    with pytest.raises(Denied, match=DOUBT):
        decide_retirement(actor=puppet, name="fraud", approve=True, comment="Yes.")
    row = open_retirement(version.model)
    assert row is not None
    assert row.state == RetirementState.OPEN


def test_a_retirement_that_an_account_of_a_former_owner_asked_for(
    new_version: NewVersion, by_ada: Actor, bot: User, cy: User
) -> None:
    version = new_version()
    managing(actor_of(bot), version)
    ask_to_retire(actor=actor_of(bot), name="fraud", reason="Replaced.")
    User.objects.filter(pk=bot.pk).update(owner=cy)
    with pytest.raises(Denied, match="other than bot"):
        decide_retirement(actor=by_ada, name="fraud", approve=True, comment="Yes.")


def test_a_critical_finding(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    version = new_version()
    made = open_finding(actor=by_bea, name="fraud", version=1, severity="critical", title="Leaks labels")
    puppet = managing(made_by(by_ada), version)
    with pytest.raises(Denied, match=DOUBT):
        close_finding(actor=puppet, finding_id=made.pk, state="resolved", comment="Seen.")
    assert Finding.objects.get().state == FindingState.OPEN


def test_a_quarantine(new_version: NewVersion, by_ada: Actor, ops: User) -> None:
    new_version()
    place_quarantine(actor=actor_of(ops), urn=DATA, reason="Poisoned.")
    with pytest.raises(Denied, match=DOUBT):
        release_quarantine(actor=made_by(by_ada, "operators"), urn=DATA, reason="Fine.")
    assert active_quarantines().exists()


def test_a_password_that_the_api_set_is_known_by_its_setter(ops: User, bea: User) -> None:
    set_password(actor=actor_of(ops), username="bea", password="another-long-one-9")
    rows = AccountChange.objects.filter(account=bea, kind=Change.PASSWORD_SET)
    assert "ops" in rows.values_list("made_by", flat=True)
    bea.refresh_from_db()
    set_password(actor=actor_of(bea), username="bea", password="a-third-long-one-9", current="another-long-one-9")
    assert set(rows.values_list("made_by", flat=True)) == {"ops", ""}


def test_a_change_by_a_stranger_does_not_matter(new_version: NewVersion, by_ada: Actor, cy: User, ops: User) -> None:
    new_version()
    cy.groups.add(Group.objects.get(name="operators"))
    note_change(actor=actor_of(ops), account=cy, kind=Change.GROUP_ADDED, details=["operators"])
    place_quarantine(actor=actor_of(ops), urn=DATA, reason="Poisoned.")
    release_quarantine(actor=actor_of(cy), urn=DATA, reason="Counted again.")
    assert not active_quarantines().exists()


@pytest.fixture
def condition(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> Finding:
    """The finding of a condition that bea set when she approved ada's version, and that ada owns."""
    publish()
    due = timezone.now() + timedelta(days=10)
    approve_with(by_bea, ask(by_ada, new_version()), ConditionTerms("Measure the recall.", "ada", due))
    return Finding.objects.get(origin=FindingOrigin.CONDITION)


def closed(actor: Actor, finding: Finding) -> str:
    close_finding(actor=actor, finding_id=finding.pk, state="resolved", comment="Measured.")
    return Finding.objects.get().state


def test_a_condition_is_not_closed_by_whoever_has_to_meet_it(condition: Finding, by_ada: Actor, bot: User) -> None:
    with pytest.raises(Denied, match="somebody else must close the finding of a condition"):
        closed(by_ada, condition)
    with pytest.raises(Denied, match="signed in"):
        closed(managing(actor_of(bot), condition.version or pytest.fail("no version")), condition)
    with pytest.raises(Denied, match=DOUBT):
        closed(managing(made_by(by_ada), condition.version or pytest.fail("no version")), condition)
    assert Finding.objects.get().state == FindingState.OPEN


def test_a_condition_is_closed_by_whoever_set_it(condition: Finding, by_bea: Actor) -> None:
    assert closed(by_bea, condition) == FindingState.RESOLVED


def test_nobody_puts_a_condition_off(condition: Finding, by_ada: Actor) -> None:
    due = condition.due_at or pytest.fail("no due date")
    for later in (None, due + timedelta(seconds=1)):
        with pytest.raises(InvalidInput, match="only become earlier"):
            assign_finding(actor=by_ada, finding_id=condition.pk, owner="ada", due_at=later)
    assert Finding.objects.get().due_at == due
    earlier = due - timedelta(days=1)
    assert assign_finding(actor=by_ada, finding_id=condition.pk, owner="ada", due_at=earlier).due_at == earlier
