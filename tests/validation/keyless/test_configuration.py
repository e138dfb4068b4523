"""Keyless signatures on a server that cannot verify them: an error that says what to configure, never a verdict."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from core.actors import Actor
from tests.validation.keyless.private_sigstore import PrivateSigstore
from tests.validation.keyless.test_keyless import ADA, MODEL, bundle_of, checked, trust
from tests.validation.test_signed import pem, signed, statement
from validation.keyless import SigstoreUnavailable
from validation.system_checks import check_trusted_root


def without(part: str) -> dict[str, Any]:
    """Return a trusted root that has no entry of one part."""
    return {**PrivateSigstore().trusted_root(), part: []}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file or directory"),
        ("not JSON", "is not a trusted root that can be used"),
        ("{}", "is not a trusted root that can be used"),
        ("[" * 50_000, "is not a trusted root that can be used"),
        (json.dumps(without("tlogs")), "no transparency log"),
        (json.dumps(without("certificateAuthorities")), "Fulcio certificates not found"),
        (json.dumps({**without("tlogs"), "mediaType": "text/plain"}), "is not a trusted root that can be used"),
        ("x" * (9 << 20), "bytes, more than"),
    ],
)
def test_an_unusable_trusted_root_is_an_error(
    by_ada: Actor, settings: Settings, tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "root.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    settings.SIGSTORE_TRUSTED_ROOT = str(path)
    with pytest.raises(SigstoreUnavailable) as caught:
        checked(by_ada, bundle_of())
    assert words in caught.value.message
    assert f"CUSTODY_SIGSTORE_TRUSTED_ROOT={path}" in caught.value.message


def test_a_trusted_root_without_certificate_log_passes_nothing(
    by_ada: Actor, settings: Settings, tmp_path: Path
) -> None:
    ours = PrivateSigstore()
    path = tmp_path / "root.json"
    path.write_text(json.dumps({**ours.trusted_root(), "ctlogs": []}), encoding="utf-8")
    settings.SIGSTORE_TRUSTED_ROOT = str(path)
    with pytest.raises(SigstoreUnavailable, match="CTFE keys not found"):
        checked(by_ada, bundle_of(sigstore=ours))


def test_without_the_setting_it_is_an_error(by_ada: Actor, settings: Settings) -> None:
    settings.SIGSTORE_TRUSTED_ROOT = ""
    with pytest.raises(SigstoreUnavailable, match=r"CUSTODY_SIGSTORE_TRUSTED_ROOT is not set.*trusted_root\.json"):
        checked(by_ada, bundle_of())
    assert check_trusted_root(app_configs=None) == [], "an installation without identities needs neither"


def test_without_the_library_it_is_an_error(
    by_ada: Actor, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(settings, tmp_path, PrivateSigstore())
    monkeypatch.setitem(sys.modules, "sigstore", None)
    with pytest.raises(SigstoreUnavailable, match=r"pip install -r requirements-sigstore\.txt"):
        checked(by_ada, bundle_of())
    (problem,) = check_trusted_root(app_configs=None)
    assert (problem.id, "requirements-sigstore.txt" in problem.msg) == ("validation.E002", True)


@pytest.mark.parametrize("broken", ["", "gone.json"])
def test_what_needs_no_trusted_root_is_judged_without_one(by_ada: Actor, settings: Settings, broken: str) -> None:
    settings.SIGSTORE_TRUSTED_ROOT = broken
    key_signed = signed(PrivateSigstore().root_key, statement(MODEL))
    assert not checked(by_ada, key_signed).passed, "no identity signed it"
    assert not checked(by_ada, b"{}").passed
    key = PrivateSigstore().root_key
    assert checked(by_ada, signed(key, statement(MODEL)), keys=[pem(key)], identities=[ADA]).passed


def test_the_system_check_names_a_file_that_is_gone(settings: Settings, tmp_path: Path) -> None:
    trust(settings, tmp_path, PrivateSigstore())
    assert check_trusted_root(app_configs=None) == []
    settings.SIGSTORE_TRUSTED_ROOT = str(tmp_path / "gone.json")
    (problem,) = check_trusted_root(app_configs=None)
    assert (problem.id, "gone.json cannot be read" in problem.msg) == ("validation.E002", True)
