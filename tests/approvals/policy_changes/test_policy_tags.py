"""A model tag that a policy names can be changed only by those who manage the model."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.policy_changes.propose import propose_policy
from audit.actions import Action
from audit.models import Event
from audit.queries import by_actor
from core.actors import Actor
from core.errors import Denied
from policies.defaults import DEFAULT_POLICIES
from registry.models import RegisteredModel, RegisteredModelTag
from registry.permissions import Level, grant_level
from registry.services.models import create_model, delete_model_tag, set_model_tag
from tests.approvals.conftest import Ask, NewVersion
from tests.approvals.publishing import polly, publish_policy, retire_policy
from tests.signed_in import actor_of

SCOPED = {
    **DEFAULT_POLICIES[1],
    "name": "pii",
    "applies_to": {"target": "Production", "models": "f*", "tags": {"pii": "yes"}},
}
CONDITIONAL = {
    **DEFAULT_POLICIES[1],
    "rules": [{"id": "card", "check": "card.complete", "applies_if": {"tags": {"pii": "yes"}}}],
}


@pytest.fixture
def editor(policies: object, by_ada: Actor, cy: User) -> Actor:
    """cy, who may edit ada's model but not manage it."""
    model = create_model(actor=by_ada, name="fraud", tags=[("pii", "yes"), ("team", "risk")])
    grant_level(user=cy, model=model, level=Level.EDIT)
    return actor_of(cy)


def tags() -> dict[str, str]:
    return dict(RegisteredModelTag.objects.filter(model__name="fraud").values_list("key", "value"))


@pytest.mark.parametrize("body", [SCOPED, CONDITIONAL])
def test_changing_it_takes_managing_the_model(editor: Actor, by_ada: Actor, body: dict[str, Any]) -> None:
    publish_policy(body=body)
    with pytest.raises(Denied, match="may not manage"):
        set_model_tag(actor=editor, name="fraud", key="pii", value="no")
    with pytest.raises(Denied, match="may not manage"):
        delete_model_tag(actor=editor, name="fraud", key="pii")
    assert tags()["pii"] == "yes"
    set_model_tag(actor=by_ada, name="fraud", key="pii", value="no")
    assert tags()["pii"] == "no"
    assert Event.objects.filter(by_actor("ada"), action=Action.REGISTRY_MODEL_TAG_SET).count() == 1


def test_other_tags_take_editing_alone(editor: Actor) -> None:
    publish_policy(body=SCOPED)
    set_model_tag(actor=editor, name="fraud", key="team", value="cards")
    delete_model_tag(actor=editor, name="fraud", key="team")
    assert tags() == {"pii": "yes"}


def test_a_policy_of_other_models_does_not_count(editor: Actor) -> None:
    scope = {"target": "Production", "models": "churn*", "tags": {"pii": "yes"}}
    publish_policy(body={**SCOPED, "applies_to": scope})
    set_model_tag(actor=editor, name="fraud", key="pii", value="no")
    assert tags()["pii"] == "no"


def test_proposals_and_retired_policies_do_not_count(editor: Actor) -> None:
    propose_policy(actor=polly(), body=SCOPED)
    set_model_tag(actor=editor, name="fraud", key="pii", value="maybe")
    publish_policy(body={**SCOPED, "description": "x"})
    retire_policy("pii")
    set_model_tag(actor=editor, name="fraud", key="pii", value="no")
    assert tags()["pii"] == "no"


def test_the_policy_of_an_open_request_counts(policies: object, new_version: NewVersion, ask: Ask, cy: User) -> None:
    publish_policy(body=CONDITIONAL)
    request: TransitionRequest = ask(new_version())
    grant_level(user=cy, model=RegisteredModel.objects.get(name="fraud"), level=Level.EDIT)
    retire_policy("production-default")
    with pytest.raises(Denied, match="may not manage"):
        set_model_tag(actor=actor_of(cy), name="fraud", key="pii", value="no")
    assert "pii" not in tags()
    assert request.state == "open"
