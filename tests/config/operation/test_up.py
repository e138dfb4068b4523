"""The environment that `manage.py up` gives to the programs that it starts."""

from __future__ import annotations

import pytest

from config import env
from config.management.commands import up


@pytest.fixture(autouse=True)
def _no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure no address, and forget what `up` sets."""
    for name in ("CUSTODY_BASE_URL", "CUSTODY_PASSKEY_ORIGINS", "CUSTODY_PASSKEY_RP_ID"):
        monkeypatch.setenv(name, "")


def relying_party() -> tuple[str, list[str]]:
    """Return what the settings of a program that `up` starts would be."""
    return env.relying_party(
        env.text("CUSTODY_PASSKEY_RP_ID"), env.names("CUSTODY_PASSKEY_ORIGINS"), env.text("CUSTODY_BASE_URL")
    )


def test_passkeys_are_used_on_the_port_that_was_given() -> None:
    up._set_passkey_origin(9123)
    assert relying_party() == ("localhost", ["http://localhost:9123"])


@pytest.mark.parametrize(
    ("name", "value"),
    [("CUSTODY_BASE_URL", "https://models.example.com"), ("CUSTODY_PASSKEY_ORIGINS", "http://localhost:1")],
)
def test_a_configured_address_stays(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    before = relying_party()
    up._set_passkey_origin(9123)
    assert relying_party() == before
