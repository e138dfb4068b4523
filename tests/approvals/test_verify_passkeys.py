"""An outsider tells whose key signed each decision of an export; a forger with database and keys cannot change that."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import Passkey, User
from accounts.passkeys.enrolment import remove_passkey
from approvals import tasks
from approvals.models import Review, TransitionRequest
from approvals.passkeys.challenges import break_glass_challenge
from approvals.requests.break_glass import break_glass
from approvals.statements import envelopes
from approvals.statements.envelopes import statements_of
from approvals.statements.keys import prepare_statement_key, statement_signers
from audit.exports.selection import Filters
from audit.identities.erasing import erase_names
from audit.texts.erasing import erase_texts
from audit.transparency.keys import log_signers
from audit.transparency.notes import vkey_text
from audit.verifier import verify_approval, verify_passkeys
from audit.verifier.audit_verify import canonical, commitment, with_names, with_texts
from audit.verifier.decision_events import check_statement
from audit.verifier.webauthn_verify import BadAssertion, check_assertion, decode, read_map
from core.actors import Actor
from tests.approvals.conftest import NewVersion, reread
from tests.approvals.governed import ask, publish
from tests.approvals.passkeys import answer, challenge_of, decide_with, enrolled
from tests.audit.conftest import export
from tests.audit.forging import FORGED_TEXT, SALT, Entries, chances, read_entries, rebuild, text_commitment
from tests.signed_in import actor_of
from tests.software_authenticator import EDDSA, ES256, RS256, Authenticator, base64url

Json = dict[str, Any]
Judge = Callable[..., tuple[int, Json]]


@pytest.fixture
def device(bea: User) -> Authenticator:
    return enrolled(bea, "bea-password-1")


@pytest.fixture
def old(device: Authenticator, ops: User, tmp_path: Path) -> Path:
    """A checkpoint that an auditor kept after bea had added her passkey."""
    with zipfile.ZipFile(export(actor=actor_of(ops), filters=Filters())) as package:
        (tmp_path / "old").write_bytes(package.read("checkpoint"))
    return tmp_path / "old"


@pytest.fixture
def signed(old: Path, device: Authenticator, new_version: NewVersion, by_ada: Actor, by_bea: Actor) -> Review:
    """Bea's approval, which her passkey signed."""
    publish(signed_by="passkey")
    request = ask(by_ada, new_version())
    return decide_with(by_bea, request, answer(device, challenge_of(by_bea, request)))


def unpacked(ops: User, folder: Path, **filters: Any) -> Path:
    """Return the folder of an export."""
    target = folder / f"export{len(list(folder.iterdir()))}"
    with zipfile.ZipFile(export(actor=actor_of(ops), filters=Filters(**filters))) as package:
        package.extractall(target)
    return target


@pytest.fixture
def judge(capsys: pytest.CaptureFixture[str]) -> Judge:
    """Run the verifier; return its exit status and its findings."""

    def run(folder: Path, *options: str) -> tuple[int, Json]:
        keys = [option for signer in log_signers() for option in ("--vkey", vkey_text(signer.key))]
        capsys.readouterr()
        code = verify_passkeys.main([str(folder), *keys, *options, "--json"])
        printed: Json = json.loads(capsys.readouterr().out)
        return code, printed

    return run


def signers(found: Json) -> list[str]:
    return [row["signed_by"] for row in found["decisions"]]


@pytest.mark.parametrize("filters", [{}, {"model": "fraud"}, {"action": "approvals.review.given"}])
def test_a_checkpoint_that_covers_the_enrolment_makes_it_a_persons(
    filters: Json, signed: Review, old: Path, ops: User, tmp_path: Path, judge: Judge
) -> None:
    folder = unpacked(ops, tmp_path, **filters)
    assert (folder / "enrolments.jsonl").exists() == bool(filters)
    code, found = judge(folder, "--checkpoint", str(old))
    assert (code, signers(found)) == (0, ["person"])
    assert "which a checkpoint covers" in found["decisions"][0]["why"]


@pytest.mark.parametrize("filters", [{}, {"model": "fraud"}])
def test_a_decision_of_a_person_who_was_erased_is_still_a_persons(
    filters: Json, signed: Review, old: Path, bea: User, ops: User, tmp_path: Path, judge: Judge
) -> None:
    assert erase_texts(f"user:{bea.pk}", ["bea"])
    erase_names(f"user:{bea.pk}", ["bea"])
    code, answer_of = judge(unpacked(ops, tmp_path, **filters), "--checkpoint", str(old))
    assert (code, signers(answer_of)) == (0, ["person"])
    assert answer_of["decisions"][0]["by"].startswith("erased person ")


def test_without_one_only_the_server_vouches(signed: Review, ops: User, tmp_path: Path, judge: Judge) -> None:
    code, found = judge(unpacked(ops, tmp_path, model="fraud"))
    assert (code, signers(found)) == (0, ["server"])
    assert "only this server vouches" in found["decisions"][0]["why"]


def test_a_given_key_makes_it_a_persons(
    signed: Review, device: Authenticator, ops: User, tmp_path: Path, judge: Judge
) -> None:
    folder, key = unpacked(ops, tmp_path, model="fraud"), base64url(device.public_key)
    (tmp_path / "keys").write_text(f"bea={key}\n")
    for credential, signer in (
        (key, "person"),
        (f"bea={key}", "person"),
        (str(tmp_path / "keys"), "person"),
        (f"eve={key}", "server"),
        (base64url(Authenticator().public_key), "server"),
    ):
        assert signers(judge(folder, "--credential", credential)[1]) == [signer]


def test_an_unsigned_approval_is_signed_by_none(
    old: Path, new_version: NewVersion, by_ada: Actor, by_bea: Actor, ops: User, tmp_path: Path, judge: Judge
) -> None:
    publish()
    decide_with(by_bea, ask(by_ada, new_version()), None)
    code, found = judge(unpacked(ops, tmp_path, model="fraud"), "--checkpoint", str(old))
    assert (code, signers(found)) == (0, ["none"])


def test_the_export_verifies_by_itself(signed: Review, old: Path, ops: User, tmp_path: Path) -> None:
    folder = unpacked(ops, tmp_path, model="fraud")
    command = [sys.executable, "-S", str(folder / "verify_passkeys.py"), str(folder), "--checkpoint", str(old)]
    command += ["--vkey", vkey_text(log_signers()[0].key)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={}, cwd=tmp_path)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "OK: 1 decisions"
    assert f"'bea' approve transition-request:{signed.request_id}: signed by person" in done.stdout
    digest = signed.request.version.artifact_digest
    assert f"signed: 'approve fraud/1 ({digest}) for Production'" in done.stdout


# --- a forger who has the database and the keys of the server --------------------------------------------------------


def decision(entries: Entries) -> Json:
    """Return the event of the one review."""
    (event,) = [entry["event"] for entry in entries if entry["event"]["action"] == "approvals.review.given"]
    return event  # type: ignore[no-any-return]  # an event


def forge(folder: Path, change: Callable[[Entries], object]) -> None:
    """Change the entries of a whole log, and sign it anew with the key of the log."""
    entries = read_entries(folder)
    change(entries)
    rebuild(folder, entries, log_signers()[0])


CHANGES: dict[str, Callable[[Json], object]] = {
    "another comment": lambda event: event["texts"].update(reason=text_commitment(SALT, FORGED_TEXT)),
    "another person": lambda event: event["actor"].update(name_hash=commitment(SALT, "eve")),
    "another state": lambda event: event["after"].update(subject_digest="0" * 64),
    "another decision": lambda event: event["after"].update(decision="reject"),
    "another request": lambda event: event.update(object="transition-request:99"),
    "on behalf of somebody": lambda event: event["after"].update(on_behalf_of="eve"),
    "another statement": lambda event: event["after"]["passkey"]["statement"].update(target="Staging"),
    "another nonce": lambda event: event["after"]["passkey"]["statement"].update(nonce="x" * 43),
    "another key": lambda event: event["after"]["passkey"].update(public_key=base64url(Authenticator().public_key)),
    "another credential": lambda event: event["after"]["passkey"].update(credential_id="AAAA"),
    "a new signature": lambda event: sign_anew(event, Authenticator()),
}


def sign_anew(event: Json, device: Authenticator) -> None:
    """Sign the statement of an event with another device."""
    passkey = event["after"]["passkey"]
    challenge = base64url(hashlib.sha256(canonical(passkey["statement"])).digest())
    response = json.loads(device.sign({"challenge": challenge}))["response"]
    passkey["authenticator_data"], passkey["client_data"] = response["authenticatorData"], response["clientDataJSON"]
    passkey["signature"] = response["signature"]


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_changed_decision_is_wrong(
    name: str, signed: Review, old: Path, ops: User, tmp_path: Path, judge: Judge
) -> None:
    folder = unpacked(ops, tmp_path)
    forge(folder, lambda entries: CHANGES[name](decision(entries)))
    code, found = judge(folder, "--checkpoint", str(old))
    assert (code, signers(found)) == (1, ["none"]), found
    assert found["decisions"][0]["problem"]


def test_a_key_that_the_forger_enrolled_later_is_nobodys(
    signed: Review, device: Authenticator, old: Path, ops: User, tmp_path: Path, judge: Judge
) -> None:
    """The forger adds a passkey of their own to bea's account, and signs in her name."""
    folder, forged = unpacked(ops, tmp_path), Authenticator()

    def change(entries: Entries) -> None:
        enrolment = next(entry for entry in entries if entry["event"]["action"] == "account.passkey.added")
        added = json.loads(json.dumps(enrolment))
        added["event"]["event_id"] = "00000000-0000-7000-8000-000000000001"
        facts = {"credential_id": base64url(forged.credential_id), "public_key": base64url(forged.public_key)}
        added["event"]["after"] |= facts
        place = next(n for n, entry in enumerate(entries) if entry["event"] is decision(entries))
        event = entries[place]["event"]
        event["after"]["passkey"] |= facts | {"enrolment_event": added["event"]["event_id"]}
        sign_anew(event, forged)
        entries.insert(place, added)
        for seq, entry in enumerate(entries):
            entry["seq"] = seq

    forge(folder, change)
    code, found = judge(folder, "--checkpoint", str(old), "--credential", f"bea={base64url(device.public_key)}")
    assert (code, signers(found)) == (0, ["server"])


def test_a_key_put_under_the_old_checkpoint_is_detected(
    signed: Review, old: Path, ops: User, tmp_path: Path, judge: Judge
) -> None:
    folder, forged = unpacked(ops, tmp_path), Authenticator()

    def change(entries: Entries) -> None:
        facts = {"credential_id": base64url(forged.credential_id), "public_key": base64url(forged.public_key)}
        for entry in entries:
            if entry["event"]["action"] == "account.passkey.added":
                entry["event"]["after"] |= facts
        event = decision(entries)
        event["after"]["passkey"] |= facts
        sign_anew(event, forged)

    forge(folder, change)
    code, found = judge(folder, "--checkpoint", str(old))
    assert (code, found["result"]) == (1, "tampered")
    assert "does not extend the given checkpoint" in found["errors"][0]["what"]
    assert signers(judge(folder)[1]) == ["server"]


def test_a_signature_left_out_is_no_signature(
    signed: Review, old: Path, ops: User, tmp_path: Path, judge: Judge
) -> None:
    folder = unpacked(ops, tmp_path)
    forge(folder, lambda entries: decision(entries)["after"].pop("passkey"))
    assert signers(judge(folder, "--checkpoint", str(old))[1]) == ["none"]


def test_a_signature_used_twice_is_wrong(signed: Review, old: Path, ops: User, tmp_path: Path, judge: Judge) -> None:
    folder = unpacked(ops, tmp_path)

    def again(entries: Entries) -> None:
        entry = next(entry for entry in entries if entry["event"] is decision(entries))
        entries.append(json.loads(json.dumps(entry)) | {"seq": len(entries)})

    forge(folder, again)
    code, found = judge(folder, "--checkpoint", str(old))
    assert (code, signers(found)) == (1, ["person", "none"])


def test_a_decision_after_the_removal_is_wrong(
    signed: Review, by_bea: Actor, old: Path, ops: User, tmp_path: Path, judge: Judge
) -> None:
    remove_passkey(actor=by_bea, passkey_id=Passkey.objects.get().pk)
    folder = unpacked(ops, tmp_path)
    assert signers(judge(folder, "--checkpoint", str(old))[1]) == ["person"]

    def later(entries: Entries) -> None:
        entry = next(entry for entry in entries if entry["event"] is decision(entries))
        entries.remove(entry)
        entries.append(entry)
        for seq, row in enumerate(entries):
            row["seq"] = seq

    forge(folder, later)
    assert "had removed the passkey" in judge(folder, "--checkpoint", str(old))[1]["decisions"][0]["problem"]


def test_an_enrolment_that_is_not_in_the_tree_is_refused(
    signed: Review, ops: User, tmp_path: Path, judge: Judge
) -> None:
    folder = unpacked(ops, tmp_path, model="fraud")
    path = folder / "enrolments.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"aaguid":"0', b'"aaguid":"1'))
    rebuild(folder, read_entries(folder), log_signers()[0])
    assert judge(folder)[0] == 2


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_no_mutated_assertion_is_accepted(algorithm: int) -> None:
    """One bit of one part is changed, of the assertion or of the key; 200 times for each algorithm."""
    device, rng = Authenticator(algorithm=algorithm), chances(algorithm)
    event: Json = {"after": {"passkey": {"statement": {"by": "bea", "request": 7}}}}
    sign_anew(event, device)
    passkey = event["after"]["passkey"]
    assert check_assertion(passkey, device.public_key, "localhost").origin == "http://localhost:8080"
    for _ in range(200):
        mutated, key = dict(passkey), device.public_key
        part = rng.choice(["authenticator_data", "client_data", "signature", "key"])
        if part == "key":
            key = flipped(key, rng)
        else:
            mutated[part] = base64url(flipped(decode(mutated[part]), rng))
        with pytest.raises(BadAssertion):
            check_assertion(mutated, key, "localhost")


def flipped(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize(
    "data", ["", "a1", "a101", "a1010200", "b9ffff", "a118", "40", "bf", "a20102" + "0102", "a14000"]
)
def test_an_unreadable_key_is_refused(data: str) -> None:
    with pytest.raises(BadAssertion):
        read_map(bytes.fromhex(data))


# --- deployers ------------------------------------------------------------------------------------------


@pytest.fixture
def applied(signed: Review, tmp_path: Path, settings: Settings) -> TransitionRequest:
    settings.STATEMENT_KEY = ""
    settings.STATEMENT_KEY_FILE = tmp_path / "keys" / "approval_statements"
    prepare_statement_key()
    assert tasks.apply_request(signed.request_id) == "applied"
    return reread(signed.request)


def deploy(statements: Json, request: TransitionRequest, folder: Path, *options: str) -> int:
    """Run a deployer's check of the version of a request."""
    kept = folder / "answer.json"
    kept.write_text(json.dumps(statements))
    key = vkey_text(statement_signers()[0].key)
    arguments = ["fraud", "1", "--from", str(kept), "--key", key, "--digest", request.version.artifact_digest]
    return verify_approval.main([*arguments, *options])


def test_a_deployer_counts_given_passkeys_alone(
    applied: TransitionRequest, device: Authenticator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    statements = statements_of(applied.version)
    key = base64url(device.public_key)
    assert deploy(statements, applied, tmp_path) == 0
    assert "signed by the server" in capsys.readouterr().out
    assert deploy(statements, applied, tmp_path, "--credential", f"bea={key}") == 0
    assert "signed by a passkey that you gave" in capsys.readouterr().out
    assert deploy(statements, applied, tmp_path, "--credential", f"eve={key}") == 1
    assert deploy(statements, applied, tmp_path, "--credential", base64url(Authenticator().public_key)) == 1


def test_a_statement_that_the_server_forged_does_not_count(
    applied: TransitionRequest, device: Authenticator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server signs anything; what the passkey signed is about one version, one state and one person."""
    key, genuine = base64url(device.public_key), envelopes._review
    for change in ({"by": "eve"}, {"decision": "approve", "on_behalf_of": "eve"}):
        monkeypatch.setattr(envelopes, "_review", lambda row, change=change: genuine(row) | change)
        assert deploy(statements_of(applied.version), applied, tmp_path, "--credential", key) == 1


def test_a_used_export_is_not_changed_by_verifying(signed: Review, ops: User, tmp_path: Path, judge: Judge) -> None:
    folder = unpacked(ops, tmp_path, model="fraud")
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    judge(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in copy.iterdir())


def test_a_signature_for_one_model_is_not_one_for_another(
    device: Authenticator, new_version: NewVersion, bea: User, by_bea: Actor, ops: User, tmp_path: Path, judge: Judge
) -> None:
    """Break-glass has no subject digest: the version must be compared by its name and bytes."""
    publish(break_glass={"groups": ["reviewers"], "second_person": False}, signed_by="passkey")
    version = new_version()
    given = answer(device, break_glass_challenge(actor=by_bea, version=version, target="Production", reason="Fire."))
    about: Json = {"name": "fraud", "version": 1, "target": "Production", "reason": "Fire."}
    break_glass(actor=by_bea, **about, passkey=given, wait_seconds=0)
    folder = unpacked(ops, tmp_path)
    assert judge(folder)[0] == 0
    events = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text().splitlines()]
    (opened,) = [event for event in events if event["action"] == "approvals.request.opened"]
    opened = with_texts(with_names(opened, {opened["actor"]["name_hash"]: "bea"}), {("reason",): "Fire."})
    check_statement(opened, opened["after"])
    for key, other in (("model_version", "churn/1"), ("artifact_digest", "0" * 64)):
        forged = {**opened, "after": {**opened["after"], key: other}}
        with pytest.raises(BadAssertion, match=key):
            check_statement(forged, forged["after"])
