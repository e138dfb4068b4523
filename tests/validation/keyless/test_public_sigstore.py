"""A signature that model_signing 1.0.1 made with the public Sigstore, under the trusted root in sigstore-python.

public/model.sig is that of a test of sigstore/model-transparency (Apache-2.0); it signs two files with their own names.
"""

from __future__ import annotations

import json
from importlib.resources import files as package_files
from pathlib import Path

import pytest
from pytest_django import Settings

from core.actors import Actor
from tests.validation.keyless.private_sigstore import PrivateSigstore
from tests.validation.keyless.test_keyless import checked, refusal

BUNDLE = (Path(__file__).parent / "public" / "model.sig").read_bytes()
FILES = {"signme-1": b"signme-1", "signme-2": b"signme-2"}
SIGNER = {"identity": "stefanb@us.ibm.com", "issuer": "https://sigstore.verify.ibm.com/oauth2"}
PUBLIC_ROOT = package_files("sigstore") / "_store" / "https%3A%2F%2Ftuf-repo-cdn.sigstore.dev" / "trusted_root.json"


@pytest.fixture(autouse=True)
def _trusted(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "trusted_root.json"
    path.write_bytes(PUBLIC_ROOT.read_bytes())
    settings.SIGSTORE_TRUSTED_ROOT = str(path)


def test_the_public_sigstore_vouches_for_the_signer(by_ada: Actor) -> None:
    result = checked(by_ada, BUNDLE, FILES, identities=[SIGNER])
    assert result.passed, result.summary
    assert result.summary == f"2 files, all signed by {SIGNER['identity']} (issuer {SIGNER['issuer']})."


def test_its_files_and_its_signer_are_held_to_the_policy(by_ada: Actor) -> None:
    assert "whom the policy does not name" in refusal(by_ada, BUNDLE, files=FILES)
    changed = checked(by_ada, BUNDLE, {**FILES, "signme-2": b"signme-2\n"}, identities=[SIGNER])
    assert (changed.passed, changed.summary) == (False, "Signed, but not these files: signme-2 was changed.")


def test_a_private_sigstore_does_not_vouch_for_it(by_ada: Actor, settings: Settings) -> None:
    Path(settings.SIGSTORE_TRUSTED_ROOT).write_text(json.dumps(PrivateSigstore().trusted_root()), encoding="utf-8")
    assert "certificate chain" in refusal(by_ada, BUNDLE, files=FILES, identities=[SIGNER])
