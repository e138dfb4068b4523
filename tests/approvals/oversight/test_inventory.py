"""The inventory: who owns a model, what its owner attests, its export, and how a model is retired."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from approvals.case.loading import load_case
from approvals.models import Retirement, RetirementState
from approvals.oversight.overdue import flag_overdue
from approvals.packs.retirements import ask_to_retire, decide_retirement, obstacles_to_retire
from core.actors import Actor
from core.errors import Denied, InvalidInput, InvalidState
from notices.models import Notice
from registry.inventory import InventoryRow, inventory_models, inventory_rows
from registry.models import ModelAttestation, ModelVersion, RegisteredModel
from registry.permissions import Level, grant_level
from registry.services.deployments import end_deployment, register_deployment
from registry.services.inventory import attest_model, describe_model
from registry.services.models import create_model
from registry.services.stages import change_stage
from registry.stages import Stage
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import REVIEWERS, ask, publish
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of


def attest(actor: Actor, *, still_fit: bool = True, comment: str = "") -> ModelAttestation:
    return attest_model(
        actor=actor, name="fraud", in_use=True, still_fit=still_fit, documentation_true=True, comment=comment
    )


@pytest.fixture
@recorded_fixture
def owned(new_version: NewVersion, by_ada: Actor, cy: User) -> ModelVersion:
    """Version 1 of `fraud`, which cy owns."""
    version = new_version()
    describe_model(actor=by_ada, name="fraud", owner="cy", purpose="Refuse stolen cards.")
    return version


def row_of(actor: Actor, name: str = "fraud") -> InventoryRow:
    [row] = inventory_rows(inventory_models(actor).filter(name=name))
    return row


def test_the_owner_alone_attests(owned: ModelVersion, by_ada: Actor, cy: User) -> None:
    with pytest.raises(Denied):
        attest(by_ada)
    assert not ModelAttestation.objects.exists()
    attest(actor_of(cy))
    row = row_of(by_ada)
    assert (row.owner, row.purpose, row.state, row.overdue) == ("cy", "Refuse stolen cards.", "registered", False)
    assert row.next_attestation == (row.attested_at or timezone.now()) + timedelta(days=365)


def test_a_no_says_why_and_does_not_count(owned: ModelVersion, by_ada: Actor, cy: User) -> None:
    with pytest.raises(InvalidInput):
        attest(actor_of(cy), still_fit=False)
    made = attest(actor_of(cy), still_fit=False, comment="It drifts.")
    assert (made.counts, row_of(by_ada).attested_at) == (False, None)


def test_an_overdue_attestation_is_told_once(owned: ModelVersion, by_ada: Actor, cy: User) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=366)):
        assert row_of(by_ada).overdue
        assert [flag_overdue(timezone.now()) for _ in range(2)] == [1, 0]
        assert Notice.objects.filter(person=cy, title__contains="is overdue").exists()
        attest(actor_of(cy))
        assert not row_of(by_ada).overdue


def test_a_policy_may_ask_for_it(owned: ModelVersion, by_ada: Actor, cy: User) -> None:
    publish("Production", {"id": "owner", "attested": {"within": "30d"}}, rules=[REVIEWERS])
    request = ask(by_ada, owned)
    [rule] = [row for row in load_case(request).verdict.rules if row.rule == "owner"]
    assert (rule.blocks, rule.why) == (True, "Nobody has attested the model yet.")
    attest(actor_of(cy))
    request.version.model = RegisteredModel.objects.get(name="fraud")
    assert "owner" not in [row.rule for row in load_case(request).verdict.rules if row.blocks]


def test_the_export_has_no_formulas(owned: ModelVersion, by_ada: Actor, ada: User, client: Client) -> None:
    describe_model(actor=by_ada, name="fraud", owner="cy", purpose="=1+1")
    client.force_login(ada)
    [row] = csv.DictReader(io.StringIO(client.get("/api/v1/inventory/export").content.decode()))
    assert (row["model"], row["owner"], row["purpose"]) == ("fraud", "cy", "'=1+1")
    assert client.get("/api/v1/inventory/export?form=json").json()["models"][0]["owner"] == "cy"
    assert client.get("/api/v1/inventory?owner=ada").json()["models"] == []
    page = client.get("/inventory/").content.decode()
    assert "fraud" in page


def test_the_list_costs_the_same_however_many_there_are(
    owned: ModelVersion, by_ada: Actor, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(4):
        create_model(actor=by_ada, name=f"other_{number}")
    with django_assert_max_num_queries(2):
        assert len(inventory_rows(inventory_models(by_ada))) == 5


def test_what_serves_or_depends_stands_in_the_way(owned: ModelVersion, by_ada: Actor) -> None:
    version = change_stage(actor=by_ada, version=owned, target=Stage.PRODUCTION, archive_existing=False, reason="")
    register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1)
    with pytest.raises(InvalidState):
        ask_to_retire(actor=by_ada, name="fraud", reason="Replaced.")
    assert len(obstacles_to_retire(owned.model)) == 2
    end_deployment(actor=by_ada, endpoint="/predict", number=1)
    change_stage(actor=by_ada, version=version, target=Stage.ARCHIVED, archive_existing=False, reason="")
    assert obstacles_to_retire(owned.model) == []


def test_a_second_person_retires_it_with_its_evidence(
    owned: ModelVersion, by_ada: Actor, cy: User, client: Client, new_version: NewVersion, tmp_path: Path
) -> None:
    grant_level(user=cy, model=owned.model, level=Level.MANAGE)
    ask_to_retire(actor=by_ada, name="fraud", reason="Replaced.")
    with pytest.raises(Denied):
        decide_retirement(actor=by_ada, name="fraud", approve=True, comment="Yes.")
    decide_retirement(actor=actor_of(cy), name="fraud", approve=True, comment="Yes.")
    assert row_of(by_ada).state == "retired"
    for move in (
        lambda: change_stage(actor=by_ada, version=owned, target=Stage.STAGING, archive_existing=False, reason=""),
        lambda: register_deployment(actor=by_ada, endpoint="/predict", model="fraud", version=1),
        new_version,
    ):
        with pytest.raises(InvalidState):
            move()
    client.force_login(cy)
    archive = json.loads(client.get("/api/v1/models/fraud/retirement/evidence").content)
    assert (archive["model"], archive["reason"], len(archive["versions"])) == ("fraud", "Replaced.", 1)
    assert archive["events"]
    assert "<strong>Retired</strong>" in client.get("/models/fraud/").content.decode()
    for blob in [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]:
        blob.unlink()
    lost = client.get("/api/v1/models/fraud/retirement/evidence")
    assert (lost.status_code, "missing from the store" in lost.content.decode()) == (404, True)


def test_a_rejected_retirement_changes_nothing(owned: ModelVersion, by_ada: Actor, cy: User) -> None:
    grant_level(user=cy, model=owned.model, level=Level.MANAGE)
    ask_to_retire(actor=by_ada, name="fraud", reason="Replaced.")
    decide_retirement(actor=actor_of(cy), name="fraud", approve=False, comment="Still used.")
    assert Retirement.objects.get().state == RetirementState.REJECTED
    assert row_of(by_ada).state == "registered"
