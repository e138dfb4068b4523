"""`model.signed` with identities: sigstore-python verifies what a private Sigstore signed, without the network."""

from __future__ import annotations

import base64
import datetime
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from pytest_django import Settings
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from core.actors import Actor
from core.errors import InvalidInput
from tests.audit.witnesses.timestamping import Authority
from tests.validation.keyless.private_sigstore import (
    SIGNED_AT,
    PrivateSigstore,
    make_bundle,
    new_key,
    sign_statement,
)
from tests.validation.subjects import subject
from tests.validation.test_signed import pem, signed, statement
from tracking.artifacts import store_artifact
from validation.base import CheckResult
from validation.checks.signed import Signed

FOLDER = "0/r2/artifacts/model"
MODEL = {"MLmodel": b"flavors: {}\n", "data/weights.bin": b"\x00\x01"}
ISSUER = "https://login.example.com"
ADA = {"identity": "ada@example.com", "issuer": ISSUER}
PIPELINE = "https://git.example.com/models/fraud/.ci/train.yml@refs/heads/main"
OURS = PrivateSigstore()

Change = Callable[[dict[str, Any]], None]


@pytest.fixture(autouse=True)
def _trusted(settings: Settings, tmp_path: Path) -> None:
    trust(settings, tmp_path, OURS)


def trust(settings: Settings, tmp_path: Path, sigstore: PrivateSigstore) -> None:
    path = tmp_path / "trusted_root.json"
    path.write_text(json.dumps(sigstore.trusted_root()), encoding="utf-8")
    settings.SIGSTORE_TRUSTED_ROOT = str(path)


def bundle_of(
    *,
    sigstore: PrivateSigstore = OURS,
    identity: x509.GeneralName | None = None,
    issuer: str | None = ISSUER,
    files: dict[str, bytes] | None = None,
    logged_at: datetime.datetime = SIGNED_AT,
    promise: bool = True,
    **certificate: Any,
) -> dict[str, Any]:
    """Return the bundle of a signature over files, made at SIGNED_AT unless something else is said."""
    key = new_key()
    name = identity or x509.RFC822Name(ADA["identity"])
    made_out = sigstore.certificate(key, name, issuer, **certificate)
    payload = json.dumps(statement(files or MODEL)).encode()
    signature = sign_statement(key, payload)
    entry = sigstore.log_entry(made_out, payload, signature, at=logged_at, promise=promise)
    return make_bundle(made_out, payload, signature, [entry])


def checked(
    by_ada: Actor, bundle: dict[str, Any] | bytes, files: dict[str, bytes] | None = None, **params: Any
) -> CheckResult:
    """Store the files with the bundle, and return the result of the check for a policy that names ada."""
    data = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
    for name, content in {**(files or MODEL), "model.sig": data}.items():
        store_artifact(actor=by_ada, path=f"{FOLDER}/{name}", stream=io.BytesIO(content))
    check = Signed()
    return check.run(subject(), check.parse(params or {"identities": [ADA]}), lambda _: None)


def refusal(by_ada: Actor, bundle: dict[str, Any] | bytes, **more: Any) -> str:
    """Return the summary of a result that must be a refusal."""
    result = checked(by_ada, bundle, **more)
    assert not result.passed, result.summary
    assert "identity" not in result.evidence
    return result.summary


def test_the_named_identity_passes(by_ada: Actor) -> None:
    result = checked(by_ada, bundle_of())
    assert result.passed, result.summary
    assert result.summary == f"2 files, all signed by ada@example.com (issuer {ISSUER})."
    assert {key: result.evidence[key] for key in ADA} == ADA
    assert len(str(result.evidence["trusted_root"])) == 64


def test_a_pipeline_is_an_identity_too(by_ada: Actor) -> None:
    bundle = bundle_of(identity=x509.UniformResourceIdentifier(PIPELINE))
    named: dict[str, Any] = {"identities": [ADA, {"identity": PIPELINE, "issuer": ISSUER}]}
    assert checked(by_ada, bundle, **named).passed
    assert f"signed by {PIPELINE} (issuer {ISSUER}), whom the policy does not name" in refusal(by_ada, bundle)


@pytest.mark.parametrize("identity", ["mallory@example.com", "Ada@example.com", "ada@example.com.evil.example"])
def test_another_identity_is_refused(by_ada: Actor, identity: str) -> None:
    words = refusal(by_ada, bundle_of(identity=x509.RFC822Name(identity)))
    assert f"signed by {identity} (issuer {ISSUER}), whom the policy does not name" in words


@pytest.mark.parametrize("issuer", ["https://login.example.net", f"{ISSUER}/", None])
def test_another_issuer_is_refused(by_ada: Actor, issuer: str | None) -> None:
    words = refusal(by_ada, bundle_of(issuer=issuer))
    assert f"signed by ada@example.com (issuer {issuer or 'unknown'}), whom the policy does not name" in words


def test_identity_and_issuer_belong_together(by_ada: Actor) -> None:
    named = [{"identity": "bo@example.com", "issuer": ISSUER}, {**ADA, "issuer": "https://other.example"}]
    assert "whom the policy does not name" in refusal(by_ada, bundle_of(), identities=named)


def test_a_name_of_another_kind_is_no_identity(by_ada: Actor) -> None:
    words = refusal(by_ada, bundle_of(identity=x509.DNSName("ada.example.com")))
    assert "signed by nobody" in words


@pytest.mark.parametrize("part", ["root_key ca_key", "ct_key", "rekor_key"])
def test_what_another_sigstore_vouches_for_is_refused(by_ada: Actor, part: str) -> None:
    kept = {name: getattr(OURS, name) for name in ("root_key", "ca_key", "ct_key", "rekor_key") if name not in part}
    theirs = PrivateSigstore(**kept)
    words = refusal(by_ada, bundle_of(sigstore=theirs))
    assert "Sigstore's rules refuse the signature: " in words


def test_the_trusted_root_of_another_sigstore_refuses(by_ada: Actor, settings: Settings, tmp_path: Path) -> None:
    trust(settings, tmp_path, PrivateSigstore())
    assert "certificate chain" in refusal(by_ada, bundle_of())


def test_a_certificate_counts_by_the_time_of_the_log(by_ada: Actor) -> None:
    in_time = bundle_of(logged_at=SIGNED_AT + datetime.timedelta(minutes=9))
    assert checked(by_ada, in_time).passed, "the certificate has long expired by today's clock"
    for minutes in (-1, 11):
        late = bundle_of(logged_at=SIGNED_AT + datetime.timedelta(minutes=minutes))
        assert "certificate chain" in refusal(by_ada, late)


def test_a_time_that_the_log_did_not_sign_is_refused(by_ada: Actor) -> None:
    late = bundle_of(logged_at=SIGNED_AT + datetime.timedelta(minutes=11))
    late["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = str(int(SIGNED_AT.timestamp()))
    assert "invalid inclusion promise" in refusal(by_ada, late)


def test_an_expired_certificate_without_a_log_is_refused(by_ada: Actor) -> None:
    bundle = bundle_of()
    bundle["verificationMaterial"]["tlogEntries"] = []
    assert "exactly one log entry" in refusal(by_ada, bundle)
    del bundle["verificationMaterial"]["tlogEntries"]
    assert "Sigstore's rules refuse the signature" in refusal(by_ada, bundle)


def test_an_entry_without_a_time_is_refused(by_ada: Actor) -> None:
    assert "inclusion promise or signed timestamp" in refusal(by_ada, bundle_of(promise=False))


def test_the_certificate_must_be_in_the_certificate_log(by_ada: Actor) -> None:
    assert "signed certificate timestamp" in refusal(by_ada, bundle_of(with_sct=False))


def test_a_certificate_for_something_else_is_refused(by_ada: Actor) -> None:
    assert "code signing" in refusal(by_ada, bundle_of(usage=ExtendedKeyUsageOID.CLIENT_AUTH))


def test_a_key_of_an_unknown_kind_is_refused(by_ada: Actor) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    certificate = OURS.certificate(key, x509.RFC822Name(ADA["identity"]), ISSUER)
    payload = json.dumps(statement(MODEL)).encode()
    signature = key.sign(payload)
    entry = OURS.log_entry(certificate, payload, signature, at=SIGNED_AT, promise=True)
    bundle = make_bundle(certificate, payload, signature, [entry])
    assert "Sigstore's rules refuse the signature" in refusal(by_ada, bundle)


def test_a_time_stamp_takes_the_place_of_the_promise(
    by_ada: Actor, settings: Settings, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock = Authority(tmp_path_factory.mktemp("tsa") / "ours")
    sigstore = PrivateSigstore(timestamp_chain=clock.chain())
    trust(settings, tmp_path, sigstore)
    now = datetime.datetime.now(datetime.UTC)
    bundle = bundle_of(sigstore=sigstore, at=now, logged_at=now, promise=False)
    stamp(bundle, clock, signature_of(bundle))
    assert checked(by_ada, bundle).passed
    stamp(bundle, clock, b"another signature")
    assert "verified time" in refusal(by_ada, bundle)
    theirs = Authority(tmp_path_factory.mktemp("tsa") / "theirs")
    stamp(bundle, theirs, signature_of(bundle))
    assert "verified time" in refusal(by_ada, bundle)
    early = bundle_of(sigstore=sigstore, promise=False)
    stamp(early, clock, signature_of(early))
    assert "certificate chain" in refusal(by_ada, early), "its certificate expired long before it was stamped"


def signature_of(bundle: dict[str, Any]) -> bytes:
    return base64.b64decode(bundle["dsseEnvelope"]["signatures"][0]["sig"])


def stamp(bundle: dict[str, Any], clock: Authority, signature: bytes) -> None:
    """Put a time stamp (RFC 3161) of a signature, made now, into a bundle."""
    asked = TimestampRequestBuilder().data(signature).hash_algorithm(HashAlgorithm.SHA256)
    answer = clock.answer(asked.build().as_bytes())
    stamps = [{"signedTimestamp": base64.b64encode(answer).decode()}]
    bundle["verificationMaterial"]["timestampVerificationData"] = {"rfc3161Timestamps": stamps}


def test_the_log_entry_of_another_signature_is_refused(by_ada: Actor) -> None:
    bundle, other = bundle_of(), bundle_of()
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    assert "log entry signatures do not match" in refusal(by_ada, bundle)


def _flip(data: str) -> str:
    raw = bytearray(base64.b64decode(data))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


def _entry(bundle: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return entry


def _change_payload(bundle: dict[str, Any]) -> None:
    payload = json.dumps(statement({**MODEL, "code.py": b"import os"})).encode()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(payload).decode()


def _change_signature(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"][0]["sig"] = _flip(bundle["dsseEnvelope"]["signatures"][0]["sig"])


def _change_certificate(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["certificate"] = bundle_of()["verificationMaterial"]["certificate"]


def _change_proof(bundle: dict[str, Any]) -> None:
    _entry(bundle)["inclusionProof"]["hashes"][0] = _flip(_entry(bundle)["inclusionProof"]["hashes"][0])


def _change_checkpoint(bundle: dict[str, Any]) -> None:
    checkpoint = _entry(bundle)["inclusionProof"]["checkpoint"]
    checkpoint["envelope"] = checkpoint["envelope"].replace("\n3\n", "\n4\n")


def _change_body(bundle: dict[str, Any]) -> None:
    _entry(bundle)["canonicalizedBody"] = _flip(_entry(bundle)["canonicalizedBody"])


@pytest.mark.parametrize(
    "change",
    [_change_payload, _change_signature, _change_certificate, _change_proof, _change_checkpoint, _change_body],
)
def test_every_part_is_verified(by_ada: Actor, change: Change) -> None:
    bundle = bundle_of()
    assert checked(by_ada, bundle).passed
    change(bundle)
    assert "Sigstore's rules refuse the signature" in refusal(by_ada, bundle)


def test_a_changed_file_fails(by_ada: Actor) -> None:
    result = checked(by_ada, bundle_of(), {**MODEL, "data/weights.bin": b"other"})
    assert (result.passed, result.summary) == (False, "Signed, but not these files: data/weights.bin was changed.")


def test_a_file_that_is_not_signed_fails(by_ada: Actor) -> None:
    result = checked(by_ada, bundle_of(), {**MODEL, "code/extra.py": b"import os"})
    assert (result.passed, result.summary) == (False, "Signed, but not these files: code/extra.py is not signed.")


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b'{"dsseEnvelope": {}}',
        json.dumps({"dsseEnvelope": {"payload": 1}, "verificationMaterial": {"certificate": {"rawBytes": "AAAA"}}}),
        json.dumps({**make_bundle(OURS.ca, b"{}", b"x", []), "mediaType": "text/plain"}),
        json.dumps({**make_bundle(OURS.ca, b"{}", b"x", []), "verificationMaterial": []}),
        json.dumps({**make_bundle(OURS.ca, b"{}", b"x", []), "verificationMaterial": None}),
        json.dumps({**make_bundle(OURS.ca, b"{}", b"x", []), "verificationMaterial": {"certificate": "x"}}),
        json.dumps(make_bundle(OURS.ca, b"{}", b"x", [{}])),
    ],
)
def test_garbage_is_refused(by_ada: Actor, garbage: bytes | str) -> None:
    assert refusal(by_ada, garbage.encode() if isinstance(garbage, str) else garbage).startswith("Not signed: ")


def test_no_value_of_a_bundle_may_be_missing_or_wrong(by_ada: Actor) -> None:
    whole = bundle_of()
    assert checked(by_ada, whole).passed
    for path in _paths(whole):
        values: tuple[Any, ...] = (None, 0, -1, "", "AAAA", [], {}, {"x": [1]})
        for value in values:
            broken = json.loads(json.dumps(whole))
            parent: Any = broken
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = value
            assert not checked(by_ada, broken).passed, (path, value)


def _paths(value: Any, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in items for path in ((*before, key), *_paths(item, (*before, key)))]


def test_a_key_counts_beside_identities(by_ada: Actor) -> None:
    key = new_key()
    with_key = signed(key, statement(MODEL))
    both: dict[str, Any] = {"keys": [pem(key)], "identities": [ADA]}
    assert checked(by_ada, with_key, **both).passed
    assert checked(by_ada, bundle_of(), **both).passed
    assert "an unnamed key, which the policy does not name" in refusal(by_ada, with_key)
    assert "made with an identity, which the policy does not name" in refusal(by_ada, bundle_of(), keys=[pem(key)])


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"keys": [], "file": "model.sig"},
        {"identities": []},
        {"identities": [{"identity": "ada@example.com"}]},
        {"identities": [{**ADA, "more": "x"}]},
        {"identities": [{**ADA, "issuer": ""}]},
        {"identities": ["ada@example.com"]},
        {"identities": ADA},
    ],
)
def test_a_policy_without_whole_identities_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Signed().parse(params)


def test_the_sentence_names_keys_and_identities() -> None:
    check = Signed()
    sentence = check.describe(check.parse({"identities": [ADA]}))
    assert sentence == f"All its files must be signed, in model.sig, by ada@example.com (issuer {ISSUER})."
