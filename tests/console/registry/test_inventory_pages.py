"""The dialogs of the inventory: owner and purpose, attestation, and retirement by two people."""

from __future__ import annotations

import pytest

from accounts.models import User
from approvals.models import Retirement, RetirementState
from audit.models import Event
from registry.inventory import inventory_of
from registry.models import ModelAttestation, RegisteredModel
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn

YES = dict.fromkeys(("in_use", "still_fit", "documentation_true"), "yes")


@pytest.fixture
def model(new_version: NewVersion) -> RegisteredModel:
    return new_version().model


def test_owner_and_purpose_are_described(model: RegisteredModel, ada: User, cy: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).post("/models/fraud/describe/", {"owner": "cy", "purpose": "Refuse stolen cards."})
    assert answer.status_code in (200, 302)
    entry = inventory_of(model)
    assert entry is not None
    assert (entry.owner, entry.purpose) == (cy, "Refuse stolen cards.")
    assert Event.objects.latest("id").action == "registry.inventory.changed"


def test_the_owner_attests(model: RegisteredModel, ada: User, cy: User, signed_in: SignedIn) -> None:
    signed_in(ada).post("/models/fraud/describe/", {"owner": "cy", "purpose": "Refuse stolen cards."})
    assert signed_in(ada).post("/models/fraud/attest/", YES).status_code == 403
    assert not ModelAttestation.objects.exists()
    signed_in(cy).post("/models/fraud/attest/", YES)
    assert ModelAttestation.objects.get().person == cy


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
