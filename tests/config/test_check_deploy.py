"""`manage.py check --deploy` finds nothing in a server that runs as docs/operations.md says, and what is silenced is
done elsewhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config.data_directory import prepare_data_directory
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.process

DOCUMENTED = {
    "CUSTODY_HTTPS": "on",
    "CUSTODY_ALLOWED_HOSTS": "models.example.com",
    "CUSTODY_TRUSTED_ORIGINS": "https://models.example.com",
    "CUSTODY_BASE_URL": "https://models.example.com",
    "CUSTODY_DEBUG": "off",
}


def check_deploy(data: Path, **more: str) -> str:
    """Return what `check --deploy` prints, with the documented settings and an own data directory."""
    outside = {name: value for name, value in os.environ.items() if not name.startswith("CUSTODY_")}
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check", "--deploy", "--fail-level", "DEBUG"],
        env=outside | {"CUSTODY_DATA": str(data), "DATABASE_URL": "", **DOCUMENTED, **more},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"ended with {done.returncode}")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CUSTODY_SECRET_KEY", raising=False)
    prepare_data_directory(tmp_path)
    return tmp_path


def test_the_documented_settings_are_clean(data: Path) -> None:
    said = check_deploy(data)
    assert re.search(r"System check identified no issues \(\d silenced\)", said), said
    assert "ended with" not in said
    for name in DOCUMENTED:
        assert f"`{name}`" in (ROOT / "docs/operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ({"CUSTODY_HTTPS": "off"}, "security.W012"),
        ({"CUSTODY_DEBUG": "on"}, "security.W018"),
        ({"CUSTODY_SECRET_KEY": "short"}, "security.W009"),
    ],
)
def test_another_setting_is_found(data: Path, setting: dict[str, str], found: str) -> None:
    assert found in check_deploy(data, **setting)


def test_what_is_silenced_is_the_proxys() -> None:
    assert settings.SILENCED_SYSTEM_CHECKS == ["security.W005", "security.W008", "security.W021"]
    assert re.search(r"listen 80;.*return 301 https://", (ROOT / "deploy/nginx.conf").read_text(), re.DOTALL)
