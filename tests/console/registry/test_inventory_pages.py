"""The dialogs of the inventory by which two people retire a model."""

from __future__ import annotations

import pytest

from accounts.models import User
from approvals.models import Retirement, RetirementState
from audit.models import Event
from registry.models import RegisteredModel
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn


@pytest.fixture
def model(new_version: NewVersion) -> RegisteredModel:
    return new_version().model


def test_two_people_retire_a_model(model: RegisteredModel, ada: User, ops: User, signed_in: SignedIn) -> None:
    assert signed_in(ops).post("/models/fraud/retire/decide/", {"decision": "retire"}).status_code == 409
    signed_in(ada).post("/models/fraud/retire/", {"reason": "It is replaced."})
    assert Retirement.objects.get().state == RetirementState.OPEN
    signed_in(ops).post("/models/fraud/retire/decide/", {"decision": "retire", "comment": "Agreed."})
    assert Retirement.objects.get().state == RetirementState.RETIRED
    actions = Event.objects.filter(action__startswith="registry.model_retirement.").order_by("id")
    assert list(actions.values_list("action", "actor_name")) == [
        ("registry.model_retirement.asked", "ada"),
        ("registry.model_retirement.decided", "ops"),
    ]
