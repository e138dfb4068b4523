"""The dossier: a page that a person reads, frozen at the promotion, and an export that an outsider verifies."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from approvals.models import TransitionRequest
from approvals.packs.build import build_pack
from approvals.packs.page import basis_text
from audit.exports.files import file_of
from audit.exports.jobs import build_export
from audit.models import Event, ExportJob, ExportState
from audit.transparency.keys import log_signers
from audit.verifier.audit_verify import decode_base64, leaf_hash, node_hash, parse_checkpoint, split_note, verify
from core.actors import Actor
from registry.models import FrozenPack, PackOrder
from registry.services.versions import update_version
from tests.approvals.conftest import NewVersion
from tests.approvals.packs.test_packs import document, freeze, opened
from tests.approvals.packs.test_packs_of_aliases import signed
from tests.console.conftest import text_of
from tracking.store import Blob, current_store

__all__ = ["signed"]
DOSSIER = "/models/fraud/versions/1/packs/1/"
API = "/api/v1/models/fraud/versions/1/packs/1"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def made(client: Client) -> tuple[ExportJob, Path]:
    """Return a dossier as a worker makes it, and its file."""
    answer = client.post(f"{DOSSIER}dossier/")
    job = ExportJob.objects.get()
    assert answer.headers["Location"] == f"/audit/exports/{job.pk}/"
    assert build_export(job.pk)
    job.refresh_from_db()
    return job, file_of(job)


def test_the_page_tells_the_decision(signed: TransitionRequest, ada: User) -> None:
    freeze()
    page = text_of(signed_in(ada).get(f"{DOSSIER}read/"))
    for expected in (
        "Dossier of fraud version 1",
        f"the approval of request #{signed.pk}",
        "Beatrix Kiddo: approve",
        "<dt>Meaning of the signature</dt><dd>approval</dd>",
        "Rita Risk overrode card",
        '<td data-label="Result">overridden</td>',
        "Annex IV",
        "run:",
    ):
        assert expected in page, expected


def test_the_verdict_has_every_rule_as_the_log_has_it(signed: TransitionRequest) -> None:
    rules = {row["rule"]: row["result"] for row in document(freeze(), "approval/verdict.json")}
    approved = json.loads(bytes(Event.objects.get(action="approvals.request.approved").body))
    assert rules == approved["after"]["rules"]
    assert rules["card"] == "overridden"


def test_the_page_stays_as_it_was_frozen(signed: TransitionRequest, by_ada: Actor, ada: User) -> None:
    pack = freeze()
    before = signed_in(ada).get(f"{API}/page").content
    update_version(actor=by_ada, name="fraud", version=1, description="Something else")
    assert signed_in(ada).get(f"{API}/page").content == before == opened(pack)["index.html"]
    order = PackOrder.objects.select_related("version__model").get()
    assert build_pack(order).digest == pack.digest


def test_what_people_wrote_is_text(signed: TransitionRequest, ada: User) -> None:
    TransitionRequest.objects.update(comment="<script>alert(1)</script>")
    page = opened(freeze())["index.html"]
    assert b"<script" not in page
    answer = signed_in(ada).get(f"{API}/page")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "script-src" not in answer["Content-Security-Policy"]


def test_an_outsider_verifies_the_dossier(signed: TransitionRequest, ada: User) -> None:
    pack = freeze()
    _, path = made(signed_in(ada))
    report = verify(path, [signer.key for signer in log_signers()], full=True)
    assert (report.errors, report.facts["claim"]["kind"]) == ([], "model")
    with zipfile.ZipFile(path) as package:
        lines = [line for line in package.read("events.jsonl").split(b"\n") if line]
        entries = {json.loads(line)["seq"]: line for line in lines}
        assert package.read("index.html") == opened(pack)["index.html"]
        frozen = next(json.loads(line) for line in lines if b"registry.pack.frozen" in line)
        assert frozen["event"]["after"]["digest"] == f"sha256:{pack.digest}"
        proofs = [name for name in package.namelist() if name.startswith("proofs/")]
        actions = set()
        for name in proofs:
            number = int(name.removeprefix("proofs/").removesuffix(".tlog-proof"))
            assert_proves(package.read(name), entries[number], number)
            actions.add(json.loads(entries[number])["event"]["action"])
    assert {"registry.version.created", "approvals.review.given", "approvals.rule.overridden"} <= actions


def assert_proves(proof: bytes, entry: bytes, number: int) -> None:
    """Check a proof of the format c2sp.org/tlog-proof as its text says (RFC 9162, section 2.1.3.2)."""
    head, _, note = proof.partition(b"\n\n")
    title, index, *path = head.decode().split("\n")
    checkpoint = parse_checkpoint(split_note(note)[0])
    assert (title, index) == ("c2sp.org/tlog-proof@v1", f"index {number}")
    place, last, root = number, checkpoint.size - 1, leaf_hash(entry)
    for step in map(decode_base64, path):
        if place % 2 or place == last:
            root = node_hash(step, root)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, step)
        place, last = place >> 1, last >> 1
    assert (last, root) == (0, checkpoint.root)


def test_over_the_api(signed: TransitionRequest, ada: User, cy: User, settings: Any) -> None:
    freeze()
    answer = signed_in(ada).post(f"{API}/dossier", content_type="application/json")
    assert (answer.status_code, answer.json()["filters"]) == (202, {"model": "fraud"})
    assert answer.json()["annex"].startswith("pack:")
    settings.DEFAULT_MODEL_LEVEL = ""
    for path in (f"{API}/page", f"{DOSSIER}read/"):
        assert signed_in(cy).get(path).status_code == 404
    for path in (f"{API}/dossier", f"{DOSSIER}dossier/"):
        assert signed_in(cy).post(path, content_type="application/json").status_code == 404
    assert ExportJob.objects.count() == 1


def test_a_lost_pack_fails_the_export(signed: TransitionRequest, ada: User) -> None:
    pack = freeze()
    signed_in(ada).post(f"{DOSSIER}dossier/")
    current_store().remove([Blob(pack.digest, pack.size)])
    assert build_export(ExportJob.objects.get().pk)
    job = ExportJob.objects.get()
    assert (job.state, "missing from the store" in job.error) == (ExportState.FAILED, True)


def test_before_a_promotion_there_is_none(new_version: NewVersion, ada: User) -> None:
    new_version()
    assert signed_in(ada).post(f"{DOSSIER}dossier/").status_code == 404
    assert not ExportJob.objects.exists()
    assert not FrozenPack.objects.exists()


@pytest.mark.parametrize(
    ("basis", "text"),
    [
        (None, "no policy governed"),
        ({"kind": "promotion", "request": 4}, "the approval of request #4"),
        (
            {"kind": "rollback", "request": 5, "earlier_request": 4},
            "rollback, request #5, on the approval of request #4",
        ),
        ({"kind": "break_glass", "request": 6}, "break-glass, request #6: an exception"),
    ],
)
def test_what_a_promotion_stands_on(basis: dict[str, Any] | None, text: str) -> None:
    assert text in basis_text(basis)
