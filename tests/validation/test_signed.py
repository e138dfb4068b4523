"""`model.signed`, on a signature that model_signing 1.1.1 made (signed/model) and on ones that are wrong."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from accounts.models import User
from core.actors import Actor
from core.errors import InvalidInput
from tests.conftest import Acting
from tests.validation.subjects import subject
from tracking.artifacts import store_artifact
from validation.base import CheckResult
from validation.checks.signed import Signed
from validation.model_signing import PREDICATE

HERE = Path(__file__).parent / "signed"
KEY = (HERE / "public.pem").read_text(encoding="utf-8")
FOLDER = "0/r2/artifacts/model"
FILES = {name: (HERE / "model" / name).read_bytes() for name in ("MLmodel", "data/weights.bin", "model.sig")}
CURVES = {"secp256r1": hashes.SHA256(), "secp384r1": hashes.SHA384(), "secp521r1": hashes.SHA512()}


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)


def checked(actor: Actor, files: dict[str, bytes], key: str = KEY, **params: Any) -> CheckResult:
    for name, data in files.items():
        store_artifact(actor=actor, path=f"{FOLDER}/{name}", stream=io.BytesIO(data))
    check = Signed()
    return check.run(subject(), check.parse({"keys": [key], **params}), lambda _: None)


def pem(key: Any) -> str:
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


def statement(files: dict[str, bytes]) -> dict[str, Any]:
    listed = [
        {"name": name, "algorithm": "sha256", "digest": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(files.items())
    ]
    root = hashlib.sha256(b"".join(bytes.fromhex(each["digest"]) for each in listed)).hexdigest()
    return {
        "subject": [{"name": "model", "digest": {"sha256": root}}],
        "predicateType": PREDICATE,
        "predicate": {"serialization": {"method": "files", "hash_type": "sha256"}, "resources": listed},
    }


def signed(key: ec.EllipticCurvePrivateKey, body: Any, kind: str = "application/vnd.in-toto+json") -> bytes:
    payload = json.dumps(body).encode()
    covered = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    signature = key.sign(covered, ec.ECDSA(CURVES[key.curve.name]))
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": kind,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    return json.dumps({"verificationMaterial": {}, "dsseEnvelope": envelope}).encode()


def test_a_signature_of_the_tool_is_verified(by_ada: Actor) -> None:
    result = checked(by_ada, FILES)
    assert result.passed, result.summary
    assert result.summary == "2 files, all signed with the key 8abf6b17cbc4083f."


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MLmodel": b"other"}, "MLmodel was changed"),
        ({"code/extra.py": b"import os"}, "code/extra.py is not signed"),
        ({"model.sig": b"{}"}, "is not a Sigstore bundle"),
        ({"model.sig": b"[" * 100_000}, "is not a Sigstore bundle"),
        ({"model.sig": FILES["model.sig"].replace(b"MEUCIQC", b"MEUCIQD")}, "which the policy does not name"),
    ],
)
def test_what_was_changed_after_signing_fails(change: dict[str, bytes], words: str, by_ada: Actor) -> None:
    result = checked(by_ada, FILES | change)
    assert not result.passed
    assert words in result.summary


def test_a_file_that_is_gone_fails(by_ada: Actor) -> None:
    result = checked(by_ada, {name: data for name, data in FILES.items() if name != "data/weights.bin"})
    assert (result.passed, result.summary) == (False, "Signed, but not these files: data/weights.bin is missing.")


def test_without_a_signature_it_fails(by_ada: Actor) -> None:
    result = checked(by_ada, {"MLmodel": b"x"})
    assert not result.passed
    assert "has no file model.sig" in result.summary


def test_another_key_fails(by_ada: Actor) -> None:
    result = checked(by_ada, FILES, key=pem(ec.generate_private_key(ec.SECP256R1())))
    assert not result.passed
    assert "the key 8abf6b17cbc4083f…, which the policy does not name" in result.summary


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_every_curve_of_the_tool(curve: ec.EllipticCurve, by_ada: Actor) -> None:
    key = ec.generate_private_key(curve)
    files = {"MLmodel": b"m"}
    der = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    result = checked(
        by_ada, files | {"my.sig": signed(key, statement(files))}, key=base64.b64encode(der).decode(), file="my.sig"
    )
    assert result.passed, result.summary


@pytest.mark.parametrize(
    "change",
    [
        {"predicateType": "https://slsa.dev/provenance/v1"},
        {"subject": []},
        {"subject": [{"digest": {"sha256": "00" * 32}}]},
        {"predicate": {}},
        {"predicate": {"serialization": {"method": "shards"}, "resources": []}},
        {"predicate": {"serialization": None, "resources": []}},
        {"predicate": None},
    ],
)
def test_a_signed_statement_that_is_not_whole_fails(change: dict[str, Any], by_ada: Actor) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    files = {"MLmodel": b"m"}
    bundle = signed(key, statement(files) | change)
    assert not checked(by_ada, files | {"model.sig": bundle}, key=pem(key)).passed


def test_another_kind_of_payload_fails(by_ada: Actor) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    files = {"MLmodel": b"m"}
    bundle = signed(key, statement(files), kind="application/json")
    assert not checked(by_ada, files | {"model.sig": bundle}, key=pem(key)).passed


@pytest.mark.parametrize("text", ["x", "AAAA", "-----BEGIN PUBLIC KEY-----", pem(ed25519.Ed25519PrivateKey.generate())])
def test_what_is_no_key_is_refused_in_the_policy(text: str) -> None:
    with pytest.raises(InvalidInput):
        Signed().parse({"keys": [text]})
