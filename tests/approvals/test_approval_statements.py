"""Statements of approvals: signed over the bytes, verified by a deployer who has the key and the digest."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from approvals.requests.roll_back import roll_back
from approvals.statements.envelopes import statements_of
from approvals.statements.keys import prepare_statement_key, statement_signers
from audit.transparency.notes import new_signer, vkey_text
from audit.verifier.audit_verify import plain_ed25519_verify
from audit.verifier.verify_approval import Refused, open_envelope, signed_bytes
from core.actors import Actor
from core.errors import InvalidState, Unavailable
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion
from tests.approvals.governed import approve, ask, promote, publish

SCRIPT = Path(settings.BASE_DIR) / "audit" / "verifier" / "verify_approval.py"
Verify = Callable[..., tuple[int, str]]
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def _own_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work on a key of the test's own."""
    monkeypatch.setattr(settings, "STATEMENT_KEY", "")
    monkeypatch.setattr(settings, "STATEMENT_KEY_FILE", tmp_path / "keys" / "approval_statements")
    prepare_statement_key()


@pytest.fixture
def version(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> ModelVersion:
    """A version that ada asked for and bea approved."""
    publish()
    row = new_version()
    promote(by_ada, by_bea, row)
    row.refresh_from_db()
    return row


@pytest.fixture
def verify(version: ModelVersion, tmp_path: Path) -> Verify:
    """Run the script of a deployer over an answer that was kept."""

    def run(answer: Json, *options: str, key: str = "", name: str = "fraud") -> tuple[int, str]:
        kept = tmp_path / "answer.json"
        kept.write_text(json.dumps(answer))
        command = [sys.executable, str(SCRIPT), name, "1", "--from", str(kept)]
        command += ["--key", key or vkey_text(statement_signers()[0].key), *options]
        if "--digest" not in options:
            command += ["--digest", version.artifact_digest]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


def payload_of(envelope: Json) -> Json:
    body: Json = json.loads(base64.b64decode(envelope["payload"]))
    return body


def test_a_deployer_reads_who_approved(version: ModelVersion, verify: Verify) -> None:
    code, printed = verify(statements_of(version))
    assert code == 0
    assert "bea approved fraud/1 for Production at" in printed
    assert "signed by the server" in printed


def test_the_signature_covers_the_bytes(version: ModelVersion) -> None:
    (envelope,) = statements_of(version)["statements"]
    payload, (signature,) = base64.b64decode(envelope["payload"]), envelope["signatures"]
    signer = statement_signers()[0]
    assert signature["keyid"] == signer.key.hash.hex()
    assert plain_ed25519_verify(signer.key.public, base64.b64decode(signature["sig"]), signed_bytes(payload))
    statement = payload_of(envelope)
    assert statement["subject"][0]["digest"]["sha256"] == version.artifact_digest.rpartition(":")[2]
    told = statement["predicate"]
    assert (told["by"], told["requester"], told["decision"], told["target"]) == ("bea", "ada", "approve", "Production")
    assert statements_of(version) == statements_of(version)


@pytest.mark.parametrize(
    "options",
    [
        ("--target", "Staging"),
        ("--approvals", "2"),
        ("--digest", "sha256:" + "0" * 64),
    ],
)
def test_what_was_not_approved_is_refused(version: ModelVersion, verify: Verify, options: tuple[str, str]) -> None:
    code, printed = verify(statements_of(version), *options)
    assert (code, printed.startswith("NOT APPROVED")) == (1, True)


def test_an_approval_of_another_model_does_not_count(version: ModelVersion, verify: Verify) -> None:
    code, printed = verify(statements_of(version), name="churn")
    assert (code, "not about churn/1" in printed) == (1, True)


@pytest.mark.parametrize("place", ["by", "requester", "decision", "target", "given_at", "subject_digest", "signed_by"])
def test_a_changed_statement_is_refused(version: ModelVersion, verify: Verify, place: str) -> None:
    answer = statements_of(version)
    statement = payload_of(answer["statements"][0])
    statement["predicate"][place] += "x"
    answer["statements"][0]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    code, printed = verify(answer)
    assert (code, "not signed by the given key" in printed) == (1, True)


def test_each_flipped_bit_is_refused(version: ModelVersion) -> None:
    keys = [statement_signers()[0].key]
    (envelope,) = statements_of(version)["statements"]
    payload = base64.b64decode(envelope["payload"])
    for place in range(len(payload)):
        changed = bytearray(payload)
        changed[place] ^= 1 << place % 8
        with pytest.raises(Refused):
            open_envelope(envelope | {"payload": base64.b64encode(changed).decode()}, keys)
    assert open_envelope(envelope, keys) == payload_of(envelope)


def test_a_forger_without_the_key_signs_nothing(version: ModelVersion, verify: Verify) -> None:
    """Their own key in the answer, under the name of the right one, changes nothing: the deployer has the key."""
    answer, right = statements_of(version), statement_signers()[0]
    forger = new_signer(right.name)
    payload = base64.b64decode(answer["statements"][0]["payload"]).replace(b'"bea"', b'"cyd"')
    for keyid in (forger.key.hash.hex(), right.key.hash.hex()):
        signature = {"keyid": keyid, "sig": base64.b64encode(forger.sign(signed_bytes(payload))).decode()}
        forged = {"payload": base64.b64encode(payload).decode(), "signatures": [signature]}
        answer["statements"] = [answer["statements"][0] | forged]
        answer["keys"] = [vkey_text(forger.key)]
        assert verify(answer, key=vkey_text(right.key))[0] == 1


@pytest.mark.parametrize(
    "answer", [{}, {"statements": 7}, {"statements": [{}]}, {"statements": [{"payload": "%"}]}, []]
)
def test_a_malformed_answer_approves_nothing(version: ModelVersion, verify: Verify, answer: Any) -> None:
    assert verify(answer)[0] == 1


def test_what_nobody_asked_for_has_no_statement(new_version: NewVersion, verify: Verify, version: ModelVersion) -> None:
    answer = statements_of(new_version())
    assert answer["statements"] == []
    assert verify(answer)[0] == 1


def test_an_open_request_has_no_statement(new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> None:
    publish()
    row = new_version()
    request = ask(by_ada, row)
    assert statements_of(row)["statements"] == []
    approve(by_bea, request)


def test_a_rollback_stands_on_the_earlier_approval(
    version: ModelVersion, new_version: NewVersion, by_ada: Actor, by_bea: Actor, verify: Verify
) -> None:
    promote(by_ada, by_bea, new_version(), archive_existing=False)
    roll_back(actor=by_ada, name="fraud", reason="Drift.", wait_seconds=0)
    version.refresh_from_db()
    assert verify(statements_of(version))[0] == 0


def test_the_serving_read_leads_to_them(version: ModelVersion, ada: User, client: Client) -> None:
    client.force_login(ada)
    where = client.get("/api/v1/models/fraud/production").json()["approval_statements"]
    assert where == "/api/v1/models/fraud/versions/1/approval-statements"
    assert client.get(where).json() == statements_of(version)


def test_without_a_key_or_a_digest_it_says_so(version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    version.artifact_digest = ""
    with pytest.raises(InvalidState, match="no digest"):
        statements_of(version)
    version.artifact_digest = "sha256:" + "0" * 64
    statement_key: Path = settings.STATEMENT_KEY_FILE
    assert statement_key.stat().st_mode & 0o777 == 0o600
    statement_key.unlink()
    with pytest.raises(Unavailable, match="no usable key"):
        statements_of(version)


def test_both_keys_sign_after_a_change(version: ModelVersion, verify: Verify) -> None:
    old = statement_signers()[0]
    new = new_signer(old.name)
    path: Path = settings.STATEMENT_KEY_FILE
    path.write_text(f"{new.skey}\n{old.skey}\n")
    answer = statements_of(version)
    assert [verify(answer, key=vkey_text(one.key))[0] for one in (old, new)] == [0, 0]
