"""A version that reaches a protected alias gets a pack; signatures and overrides are in it and in the export."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from accounts.models import User
from approvals import tasks
from approvals.case.loading import load_case
from approvals.models import Override, Review, TransitionRequest
from approvals.packs.build import build_pack
from approvals.requests.override import override_rule
from approvals.requests.review import decide_request
from approvals.requests.signatures import Signature
from audit.exports.selection import Filters
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import verify
from core.actors import Actor
from registry.models import FrozenPack, PackOrder
from registry.services.aliases import delete_alias, set_alias
from tests.approvals.conftest import NewVersion, RunChecks, reread
from tests.approvals.governed import FOUR_EYES, REVIEWERS, ask, is_applied, promote, publish
from tests.approvals.packs.test_packs import document, freeze, opened
from tests.approvals.publishing import person
from tests.audit.conftest import export
from tests.recorded_fixtures import recorded_fixture
from tests.signed_in import actor_of

CARD: dict[str, object] = {"id": "card", "level": "soft", "check": "card.complete", "override": ["risk"]}


def test_reaching_a_protected_alias_orders_a_pack(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("@champion")
    promote(by_ada, by_bea, new_version(), "@champion")
    promote(by_ada, by_bea, new_version(), "@champion")
    pack = freeze()
    assert [(order.version.version, order.number) for order in PackOrder.objects.order_by("pk")] == [(1, 1), (2, 1)]
    facts = document(pack, "version.json")
    assert (facts["aliases"], facts["replaced_version"], facts["alias_set_by"]) == (["champion"], 1, "ada")
    assert pack.manifest["target"] == document(pack, "approval/request.json")["target"] == "@champion"
    assert [review["reviewer"] for review in document(pack, "approval/reviews.json")] == ["bea"]
    order = PackOrder.objects.select_related("version__model").get(pk=pack.order_id)
    assert build_pack(order).digest == pack.digest


def test_alias_and_stage_get_a_pack_each(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("@champion")
    publish("Production")
    version = new_version()
    promote(by_ada, by_bea, version, "@champion")
    promote(by_ada, by_bea, version)
    tasks.freeze_packs()
    found = [pack.manifest["target"] for pack in FrozenPack.objects.order_by("pk")]
    assert found == ["@champion", "Production"]


def test_an_unprotected_alias_gets_no_pack(new_version: NewVersion, by_ada: Actor) -> None:
    new_version()
    set_alias(actor=by_ada, name="fraud", alias="mine", version=1)
    assert not PackOrder.objects.exists()


def test_setting_it_again_or_deleting_it_orders_no_pack(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, ops: User
) -> None:
    publish("@champion")
    promote(by_ada, by_bea, new_version(), "@champion")
    set_alias(actor=by_ada, name="fraud", alias="champion", version=1)
    delete_alias(actor=actor_of(ops), name="fraud", alias="champion")
    assert PackOrder.objects.count() == 1


@pytest.fixture
@recorded_fixture
def signed(
    new_version: NewVersion, by_ada: Actor, by_bea: Actor, bea: User, run_checks: RunChecks
) -> TransitionRequest:
    """Applied on bea's signed approval, beside a rule that rita overrode and signed for."""
    User.objects.filter(pk=bea.pk).update(first_name="Beatrix", last_name="Kiddo")
    rita = person("rita", "risk")
    User.objects.filter(pk=rita.pk).update(first_name="Rita", last_name="Risk")
    publish("@champion", rules=(REVIEWERS, FOUR_EYES, CARD), e_signature=True)
    request = ask(by_ada, new_version(card=False), "@champion")
    digest = run_checks(request).snapshot.subject_digest
    override_rule(
        actor=actor_of(rita), request_id=request.pk, rule="card", reason="It is small.",
        seen_digest=digest, signature=Signature("rita-password-1", "responsibility"),
    )  # fmt: skip
    decide_request(
        actor=by_bea, request_id=request.pk, decision="approve", comment="Sound.",
        seen_digest=load_case(reread(request)).snapshot.subject_digest, signature=Signature("bea-password-1", "approval"),
    )  # fmt: skip
    assert tasks.apply_request(request.pk) == "applied"
    assert is_applied(request)
    return reread(request)


def iso(row: Review | Override) -> str:
    assert row.signed_at is not None
    return row.signed_at.isoformat(timespec="seconds").replace("+00:00", "Z")


def test_the_pack_has_the_signatures(signed: TransitionRequest) -> None:
    pack = freeze()
    (review,) = document(pack, "approval/reviews.json")
    row = Review.objects.get()
    assert review["signature"] == {"printed_name": "Beatrix Kiddo", "meaning": "approval", "signed_at": iso(row)}
    assert review["subject_digest"] == row.subject_digest == pack.manifest["pinned"]["subject_digest"]
    (override,) = document(pack, "approval/overrides.json")
    assert (override["rule"], override["given_by"], override["reason"]) == ("card", "rita", "It is small.")
    assert override["signature"]["printed_name"] == "Rita Risk"
    named = document(pack, "card/cdx.json")["declarations"]["affirmation"]["signatories"]
    assert [each["name"] for each in named] == ["Beatrix Kiddo"]
    assert b"bea-password-1" not in b"".join(opened(pack).values())


def test_without_a_signature_the_pack_has_none(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish("@champion")
    promote(by_ada, by_bea, new_version(), "@champion")
    (review,) = document(freeze(), "approval/reviews.json")
    assert review["signature"] is None


def test_the_export_has_the_same_signatures_and_verifies(signed: TransitionRequest, ops: User, tmp_path: Path) -> None:
    pack = freeze()
    events = exported(ops, tmp_path)
    (said,) = [event for event in events if event["action"] == "approvals.review.given"]
    (review,) = document(pack, "approval/reviews.json")
    signature = said["after"]["signature"]
    assert (signature["printed_name"], signature["meaning"]) == ("Beatrix Kiddo", "approval")
    assert signature["signed_at"][:19] == review["signature"]["signed_at"][:19]
    assert said["after"]["subject_digest"] == review["subject_digest"]
    (let_be,) = [event for event in events if event["action"] == "approvals.rule.overridden"]
    assert let_be["after"]["signature"]["printed_name"] == "Rita Risk"
    (frozen,) = [event for event in events if event["action"] == "registry.pack.frozen"]
    assert frozen["after"]["digest"] == f"sha256:{pack.digest}"
    assert "bea-password-1" not in json.dumps(events)


def test_a_forged_signature_is_detected(signed: TransitionRequest, ops: User, tmp_path: Path) -> None:
    exported(ops, tmp_path)
    path = tmp_path / "unpacked" / "events.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Beatrix Kiddo", b"Beatrix Other"))
    assert problems(tmp_path / "unpacked")


def exported(ops: User, folder: Path) -> list[dict[str, Any]]:
    """Export the log of `fraud`, verify it as an outsider would, and return its events."""
    unpacked = folder / "unpacked"
    with zipfile.ZipFile(export(actor=actor_of(ops), filters=Filters(model="fraud"))) as archive:
        archive.extractall(unpacked)
    assert not problems(unpacked)
    return [json.loads(line)["event"] for line in (unpacked / "events.jsonl").read_bytes().splitlines()]


def problems(folder: Path) -> list[dict[str, Any]]:
    return verify(folder, [signer.key for signer in log_signers()]).errors
