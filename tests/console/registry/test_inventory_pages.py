"""The dialogs of the inventory by which two people retire a model."""

from __future__ import annotations

import pytest

from accounts.models import User
from approvals.models import Retirement, RetirementState
from audit.models import Event
from audit.queries import actor_name, by_actor
from registry.models import InventoryEntry, ModelAttestation, RegisteredModel
from tests.approvals.conftest import NewVersion
from tests.console.conftest import SignedIn, text_of


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
    assert [(event.action, actor_name(event)) for event in actions] == [
        ("registry.model_retirement.asked", "ada"),
        ("registry.model_retirement.decided", "ops"),
    ]


def test_the_request_to_retire_is_withdrawn(
    model: RegisteredModel, ada: User, bea: User, ops: User, signed_in: SignedIn
) -> None:
    signed_in(ada).post("/models/fraud/retire/", {"reason": "It is replaced."})
    assert signed_in(bea).post("/models/fraud/retire/withdraw/", {"comment": "No."}).status_code in (400, 403)
    assert "retire/withdraw/" not in text_of(signed_in(bea).get("/models/fraud/"))
    assert Retirement.objects.get().state == RetirementState.OPEN
    assert "retire/withdraw/" in text_of(signed_in(ada).get("/models/fraud/"))
    signed_in(ada).post("/models/fraud/retire/withdraw/", {"comment": "It is used after all."})
    row = Retirement.objects.get()
    assert (row.state, row.comment, row.decided_by) == (RetirementState.WITHDRAWN, "It is used after all.", None)
    assert Event.objects.filter(by_actor("ada"), action="registry.model_retirement.withdrawn").count() == 1
    assert signed_in(ada).post("/models/fraud/retire/withdraw/", {"comment": ""}).status_code == 409
    assert signed_in(ops).post("/models/fraud/retire/decide/", {"decision": "retire"}).status_code == 409


def test_owner_and_purpose_are_set(model: RegisteredModel, ada: User, signed_in: SignedIn) -> None:
    signed_in(ada).post("/models/fraud/describe/", {"owner": "ada", "purpose": "Refuse stolen cards."})
    entry = InventoryEntry.objects.get(model=model)
    assert (entry.owner, entry.purpose) == (ada, "Refuse stolen cards.")
    assert Event.objects.filter(by_actor("ada"), action="registry.inventory.changed").count() == 1


def test_an_unknown_owner_is_an_error_of_the_form(model: RegisteredModel, ada: User, signed_in: SignedIn) -> None:
    answer = signed_in(ada).post("/models/fraud/describe/", {"owner": "nobody", "purpose": "x"})
    assert answer.status_code == 400
    assert "nobody" in answer.content.decode()
    assert not InventoryEntry.objects.filter(model=model).exists()


def test_the_owner_attests(model: RegisteredModel, ada: User, bea: User, signed_in: SignedIn) -> None:
    yes = {"in_use": "yes", "still_fit": "yes", "documentation_true": "yes"}
    signed_in(ada).post("/models/fraud/describe/", {"owner": "ada", "purpose": "Refuse stolen cards."})
    assert "ada" in signed_in(bea).post("/models/fraud/attest/", yes).content.decode()
    assert signed_in(ada).post("/models/fraud/attest/", yes | {"still_fit": "no"}).status_code == 400
    assert not ModelAttestation.objects.exists()
    assert 'data-label="Attested">never<' in text_of(signed_in(ada).get("/inventory/"))
    signed_in(ada).post("/models/fraud/attest/", yes)
    assert ModelAttestation.objects.get().counts
    assert Event.objects.filter(by_actor("ada"), action="registry.model.attested").count() == 1
