"""Conformity packs: built from the state at the promotion, content-addressed, never changed."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from jsonschema import Draft202012Validator
from pytest_django import Settings

from approvals import tasks
from approvals.case.loading import Case, load_case
from approvals.models import TransitionRequest
from approvals.packs.build import build_pack
from approvals.packs.promotion_verdict import promotion_verdict
from approvals.requests.review import decide_request
from approvals.requests.settle import apply_request
from audit.models import Event, OutboxMessage
from core.actors import Actor, system_actor
from registry.cards.schema import card_schema
from registry.models import FrozenPack, ModelVersion, PackOrder
from registry.queries import current_card
from registry.services.cards import edit_card
from registry.services.risk import assess_risk
from registry.services.stages import change_stage
from registry.services.versions import set_version_tag, update_version
from registry.stages import Stage
from tests.approvals.conftest import Ask, NewVersion, RunChecks, reread
from tests.registry.test_assess_risk import HARMLESS
from tracking.services.pruning import prune_artifacts
from tracking.store import current_store

Promote = Callable[[ModelVersion], ModelVersion]


def approve(actor: Actor, case: Case) -> None:
    seen = case.snapshot.subject_digest
    decide_request(actor=actor, request_id=case.request.pk, decision="approve", comment="Sound.", seen_digest=seen)


@pytest.fixture
def promote(ask: Ask, run_checks: RunChecks, by_bea: Actor) -> Promote:
    """Return a function that takes a version through checks and a review into Production."""

    def through(version: ModelVersion) -> ModelVersion:
        request = ask(version)
        approve(by_bea, run_checks(request))
        if reread(request).state == "approved":
            apply_request(request_id=request.pk)
        assert reread(request).state == "applied"
        return ModelVersion.objects.select_related("model").get(pk=version.pk)

    return through


def opened(pack: FrozenPack) -> dict[str, bytes]:
    """Return the files of a pack."""
    with current_store().open(pack.digest) as file:
        data = file.read()
    assert hashlib.sha256(data).hexdigest() == pack.digest
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        return {name: package.read(name) for name in package.namelist()}


def document(pack: FrozenPack, name: str) -> Any:
    return orjson.loads(opened(pack)[name])


def freeze() -> FrozenPack:
    tasks.freeze_packs()
    return FrozenPack.objects.latest("pk")


def test_the_verdict_says_where_each_result_is_from(new_version: NewVersion, promote: Promote) -> None:
    promote(new_version())
    pinned = dict(PackOrder.objects.get().pinned)
    rules = document(freeze(), "approval/verdict.json")
    assert {row["rule"] for row in rules if row["result_from"] == "the audit log"} == set(pinned["rules"])
    order = PackOrder.objects.get()
    order.pinned = {**pinned, "rules": {}}
    assert {row["result_from"] for row in promotion_verdict(order)} == {"the facts when the pack was made"}


def test_a_promotion_orders_a_pack_through_the_outbox(new_version: NewVersion, promote: Promote) -> None:
    promote(new_version())
    order = PackOrder.objects.get()
    message = OutboxMessage.objects.get(task="approvals.tasks.freeze_pack")
    assert message.kwargs == {"order_id": order.pk}
    assert not FrozenPack.objects.exists()
    digest = tasks.freeze_pack(**message.kwargs)
    assert FrozenPack.objects.get().digest == digest
    frozen = Event.objects.get(action="registry.pack.frozen")
    assert f"sha256:{digest}".encode() in bytes(frozen.body)


def test_the_manifest_names_every_file(new_version: NewVersion, promote: Promote) -> None:
    promote(new_version())
    pack = freeze()
    files = opened(pack)
    manifest = orjson.loads(files.pop("manifest.json"))
    assert manifest == pack.manifest
    assert manifest["files"] == {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()
    }
    assert {
        "card/card.json",
        "card/card.html",
        "card/cdx.json",
        "approval/reviews.json",
        "lineage/ancestors.json",
    } <= set(files)


def test_the_pack_shows_the_real_approval(new_version: NewVersion, promote: Promote) -> None:
    version = promote(new_version())
    pack = freeze()
    (review,) = document(pack, "approval/reviews.json")
    assert (review["reviewer"], review["decision"], review["comment"]) == ("bea", "approve", "Sound.")
    checks = {check["check"]: check for check in document(pack, "approval/checks.json")}
    assert {check["state"] for check in checks.values()} == {"passed"}
    assert all(len(check["evidence_digest"]) == 64 for check in checks.values())
    assert document(pack, "approval/policy.json")["name"] == "production-default r1"
    assert document(pack, "version.json")["artifact_digest"] == version.artifact_digest
    urns = {node["urn"] for node in document(pack, "lineage/ancestors.json")["nodes"]}
    assert {"model-version:fraud/1", f"run:{version.run_id}"} <= urns


def test_its_exports_are_valid_and_declare_the_approval(new_version: NewVersion, promote: Promote) -> None:
    promote(new_version())
    files = opened(freeze())
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(files["card/cdx.json"].decode()) is None
    declared = orjson.loads(files["card/cdx.json"])["declarations"]
    assert [each["organization"]["name"] for each in declared["assessors"]] == ["bea"]
    assert {claim["bom-ref"] for claim in declared["claims"]} == set(declared["attestations"][0]["map"][0]["claims"])
    card = orjson.loads(files["card/card.json"])
    Draft202012Validator(card_schema()).validate(card)
    assert [row["reviewer"] for row in card["approvals"]] == ["bea"]
    judged = [row for row in card["evaluation"]["value"] if row["metric"] == "val_auc"]
    assert judged[0]["check_run"].startswith("check-run:")
    assert judged[0]["threshold"] == "no worse than Production by 0.005"


def test_later_changes_do_not_change_a_pack(new_version: NewVersion, promote: Promote, by_ada: Actor) -> None:
    version = promote(new_version())
    before = current_card(version)
    edit_card(actor=by_ada, version=version, fields={"limitations": "Rewritten."}, expected_number=before.number)
    set_version_tag(actor=by_ada, name="fraud", version=1, key="late", value="tag")
    update_version(actor=by_ada, name="fraud", version=1, description="Late words.")
    assess_risk(actor=by_ada, name="fraud", answers=HARMLESS, expected_number=0)
    pack = freeze()
    card = document(pack, "card/card.json")
    assert (card["digest"], card["revision"]) == (before.digest, before.number)
    assert b"Rewritten." not in b"".join(opened(pack).values())
    assert document(pack, "risk/assessment.json")["tier"] is None
    facts = document(pack, "version.json")
    assert ("late" in facts["tags"], facts["description"]) == (False, "")


def test_the_same_order_makes_the_same_bytes(new_version: NewVersion, promote: Promote, by_ada: Actor) -> None:
    version = promote(new_version())
    first = freeze()
    edit_card(actor=by_ada, version=version, fields={"misuse": "Late."}, expected_number=2)
    assert tasks.freeze_pack(first.order_id) == first.digest
    assert build_pack(PackOrder.objects.select_related("version__model").get()).digest == first.digest


def test_another_promotion_makes_another_pack(
    new_version: NewVersion, promote: Promote, settings: Settings, by_ada: Actor
) -> None:
    first, second = new_version(), new_version(auc=0.94)
    promote(first)
    promote(second)
    settings.TRANSITION_GATES = []
    again = ModelVersion.objects.select_related("model").get(pk=first.pk)
    change_stage(actor=by_ada, version=again, target=Stage.PRODUCTION, archive_existing=True, reason="back")
    assert tasks.freeze_packs() == 3
    made = {(order.version_id, order.number): order.frozen.digest for order in PackOrder.objects.all()}
    assert set(made) == {(first.pk, 1), (first.pk, 2), (second.pk, 1)}
    assert len(set(made.values())) == 3


def test_other_moves_order_no_pack(new_version: NewVersion, settings: Settings, by_ada: Actor) -> None:
    version = new_version()
    settings.TRANSITION_GATES = []
    staged = change_stage(actor=by_ada, version=version, target=Stage.STAGING, archive_existing=False, reason="try")
    change_stage(actor=by_ada, version=staged, target=Stage.ARCHIVED, archive_existing=False, reason="no")
    assert not PackOrder.objects.exists()


def test_a_promotion_without_a_policy_has_a_pack_without_approvals(
    new_version: NewVersion, settings: Settings, by_ada: Actor
) -> None:
    settings.TRANSITION_GATES = []
    change_stage(
        actor=by_ada, version=new_version(), target=Stage.PRODUCTION, archive_existing=False, reason="ungoverned"
    )
    pack = freeze()
    assert not [name for name in opened(pack) if name.startswith("approval/")]
    assert pack.manifest["pinned"]["request"] is None


def test_a_pack_is_not_pruned(new_version: NewVersion, promote: Promote, settings: Settings) -> None:
    promote(new_version())
    pack = freeze()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: pack.created_at + timedelta(days=400))
        prune_artifacts(actor=system_actor("test"), grace=timedelta(hours=1))
        settings.ARTIFACT_HOLDERS = []
        kept = opened(pack)
        prune_artifacts(actor=system_actor("test"), grace=timedelta(hours=1))
    assert "manifest.json" in kept
    with pytest.raises(FileNotFoundError):
        current_store().open(pack.digest)


@pytest.mark.parametrize("table", ["registry_packorder", "registry_frozenpack"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
def test_the_database_keeps_packs_as_they_are(
    table: str, statement: str, new_version: NewVersion, promote: Promote
) -> None:
    promote(new_version())
    freeze()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement.format(table))
    assert (PackOrder.objects.count(), FrozenPack.objects.count()) == (1, 1)


def test_an_order_that_was_deleted_is_no_error(db: None) -> None:
    assert tasks.freeze_pack(order_id=17) == "gone"
    assert not Event.objects.filter(action="registry.pack.frozen").exists()


def test_a_request_is_unchanged_by_its_pack(ready: TransitionRequest, by_bea: Actor) -> None:
    approve(by_bea, load_case(ready))
    apply_request(request_id=ready.pk)
    before = reread(ready)
    freeze()
    assert reread(ready).__dict__.keys() == before.__dict__.keys()
    assert (reread(ready).state, reread(ready).closed_at) == (before.state, before.closed_at)
