"""An author cannot relax the policy for their own version, by another name, another tag or another tier."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from accounts.models import User
from accounts.principals import PrincipalKind
from approvals.requests.lifecycle import withdraw_request
from audit.models import Event
from core.actors import Actor
from core.errors import Denied
from registry.models import RegisteredModel
from registry.permissions import Grant, Level
from registry.services.models import delete_model_tag, rename_model, set_model_tag
from registry.services.permissions import set_permissions
from registry.services.risk import assess_risk
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import REVIEWERS, Json, ask, publish
from tests.registry.test_assess_risk import HARMLESS
from tests.signed_in import actor_of
from tracking.limits import Point
from tracking.services.logging import log_metric

TWO: Json = {**REVIEWERS, "approvals": {"count": 2, "groups": ["reviewers"]}}
IN_SCOPE: Json = {"tags": {"pii": "yes"}}


@pytest.fixture
def model(by_ada: Actor, new_version: NewVersion) -> RegisteredModel:
    set_model_tag(actor=by_ada, name="fraud", key="pii", value="yes")
    return RegisteredModel.objects.get(name="fraud")


@pytest.fixture
def manager(model: RegisteredModel, by_ada: Actor, cy: User) -> Actor:
    """Return cy, who manages the model and is not involved in its versions."""
    manage(by_ada, cy)
    return actor_of(cy)


def manage(actor: Actor, user: User) -> None:
    kind = PrincipalKind.SERVICE if user.is_service else PrincipalKind.USER
    grants = [Grant(kind, user.username, Level.MANAGE)]
    set_permissions(actor=actor, name="fraud", grants=grants, replace=False)


def tags_of(model: RegisteredModel) -> dict[str, str]:
    return dict(model.tags.values_list("key", "value"))


def test_an_author_cannot_remove_a_tag_that_a_policy_names(
    model: RegisteredModel, manager: Actor, by_ada: Actor, new_version: NewVersion
) -> None:
    publish("Production", scope=IN_SCOPE)
    withdraw_request(actor=by_ada, request_id=ask(by_ada, new_version()).pk)
    refused = "This would relax the policy of fraud for Production, and you are involved in versions of it"
    with pytest.raises(Denied, match=refused):
        delete_model_tag(actor=by_ada, name="fraud", key="pii")
    with pytest.raises(Denied, match=refused):
        set_model_tag(actor=by_ada, name="fraud", key="pii", value="no")
    assert tags_of(model) == {"pii": "yes"}
    delete_model_tag(actor=manager, name="fraud", key="pii")
    assert tags_of(model) == {}


def test_the_creator_may_relax_it_before_there_are_versions(model: RegisteredModel, by_ada: Actor) -> None:
    publish("Production", scope=IN_SCOPE)
    set_model_tag(actor=by_ada, name="fraud", key="pii", value="no")
    assert tags_of(model) == {"pii": "no"}


def test_an_author_may_tighten_it(model: RegisteredModel, by_ada: Actor, new_version: NewVersion) -> None:
    publish("Production", rules=[REVIEWERS])
    publish("Production", rules=[TWO], models="fraud*", scope={"tags": {"pii": "much"}})
    publish("@champion", rules=[REVIEWERS], scope={"tags": {"team": "cards"}})
    new_version()
    set_model_tag(actor=by_ada, name="fraud", key="pii", value="much")
    set_model_tag(actor=by_ada, name="fraud", key="team", value="cards")
    with pytest.raises(Denied, match="for Production"):
        set_model_tag(actor=by_ada, name="fraud", key="pii", value="yes")
    assert tags_of(model) == {"pii": "much", "team": "cards"}


def test_a_rule_that_would_no_longer_apply_is_a_relaxation(
    model: RegisteredModel, by_ada: Actor, new_version: NewVersion
) -> None:
    privacy = {**TWO, "id": "privacy", "applies_if": IN_SCOPE}
    publish("Production", rules=[REVIEWERS, privacy])
    new_version()
    with pytest.raises(Denied, match="for Production"):
        delete_model_tag(actor=by_ada, name="fraud", key="pii")


def test_an_author_cannot_lower_the_tier(
    model: RegisteredModel, by_ada: Actor, manager: Actor, new_version: NewVersion
) -> None:
    publish("Production", scope={"tier": ["high"]})
    new_version()
    with pytest.raises(Denied, match="This would relax the policy"):
        assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=0)
    assert not model.risk_assessments.exists()
    assess_risk(actor=manager, name="fraud", answers=HARMLESS, expected_number=0)


def test_an_author_cannot_rename_it_out_of_a_policy(
    model: RegisteredModel, by_ada: Actor, manager: Actor, new_version: NewVersion
) -> None:
    publish("Production")
    new_version()
    with pytest.raises(Denied, match="This would relax the policy"):
        rename_model(actor=by_ada, name="fraud", new_name="orders")
    assert rename_model(actor=manager, name="fraud", new_name="orders").name == "orders"


def test_an_account_of_the_author_counts_as_the_author(
    model: RegisteredModel, by_ada: Actor, bot: User, new_version: NewVersion
) -> None:
    manage(by_ada, bot)
    publish("Production", scope=IN_SCOPE)
    new_version()
    with pytest.raises(Denied, match="you are involved"):
        delete_model_tag(actor=actor_of(bot), name="fraud", key="pii")


def test_who_logged_to_the_run_is_involved(model: RegisteredModel, manager: Actor, new_version: NewVersion) -> None:
    publish("Production", scope=IN_SCOPE)
    version = new_version()
    log_metric(actor=manager, run_id=version.run_id, point=Point(key="val_f1", value=1, timestamp_ms=1))
    with pytest.raises(Denied, match="you are involved"):
        delete_model_tag(actor=manager, name="fraud", key="pii")


def test_a_gate_that_raises_refuses(model: RegisteredModel, manager: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    publish("Production", scope=IN_SCOPE)
    monkeypatch.setattr("approvals.gate.relaxation_refusal", lambda *_args, **_more: 1 / 0)
    with pytest.raises(Denied, match="A transition gate failed"):
        delete_model_tag(actor=manager, name="fraud", key="pii")
    assert tags_of(model) == {"pii": "yes"}


def test_the_refusal_is_an_event(model: RegisteredModel, by_ada: Actor, ops: User, new_version: NewVersion) -> None:
    ops.groups.add(Group.objects.get_or_create(name="reviewers")[0])
    publish("Production", scope=IN_SCOPE)
    ask(actor_of(ops), new_version())
    before = Event.objects.count()
    with pytest.raises(Denied) as refused:
        delete_model_tag(actor=actor_of(ops), name="fraud", key="pii")
    assert refused.value.action == "registry.model_tag.deleted"
    assert Event.objects.count() == before  # the door records it, after the change has rolled back
