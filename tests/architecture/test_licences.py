"""Custody is under the Apache License 2.0, and the check of its dependencies' licences refuses what does not go with
that.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

CHECKER = ROOT / "script" / "licences.py"


def install(where: Path, name: str, *metadata: str) -> None:
    """Put a distribution that holds nothing but metadata where packages are installed."""
    folder = where / f"{name}-1.0.dist-info"
    folder.mkdir()
    lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata]
    (folder / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


def check(where: Path, *packages: str) -> tuple[int, str]:
    """Return the exit code and the output of the checker for packages that are installed in a folder."""
    requirements = where / "requirements.txt"
    requirements.write_text("".join(f"{package}==1.0  # needed\n" for package in packages), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, CHECKER, requirements, "--path", where], check=False, capture_output=True, text=True
    )
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "metadata",
    [
        "License-Expression: GPL-3.0-or-later",
        "License-Expression: AGPL-3.0-only",
        "License-Expression: MIT AND GPL-2.0-only",
        "License: GPL-3.0-only",
        "License-Expression: LicenseRef-Proprietary",
    ],
)
def test_a_licence_that_is_not_allowed_is_refused(tmp_path: Path, metadata: str) -> None:
    install(tmp_path, "copyleft", metadata)
    code, output = check(tmp_path, "copyleft")
    assert (code, output) == (1, f"copyleft has the licence {metadata.partition(': ')[2]}, which is not allowed\n")


@pytest.mark.parametrize(
    "metadata",
    [
        "License-Expression: LGPL-3.0-only",
        "License-Expression: GPL-2.0-only OR MIT",
        "License-Expression: MPL-2.0 AND (Apache-2.0 OR GPL-3.0-only)",
        "License-Expression: Apache-2.0 WITH LLVM-exception",
        "License: MIT",
    ],
)
def test_a_licence_that_can_be_met_passes(tmp_path: Path, metadata: str) -> None:
    install(tmp_path, "permissive", metadata)
    assert check(tmp_path, "permissive") == (0, "")


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        ("License: as you like", "as you like"),
        ("Classifier: License :: OSI Approved :: BSD License", "License :: OSI Approved :: BSD License"),
        ("Summary: no word of it", "its metadata names none"),
    ],
)
def test_a_licence_that_nobody_can_name_is_refused(tmp_path: Path, metadata: str, said: str) -> None:
    install(tmp_path, "vague", metadata)
    assert check(tmp_path, "vague") == (1, f"vague has an unknown licence: {said}\n")


def test_what_a_package_needs_in_turn_is_checked_too(tmp_path: Path) -> None:
    needs = [
        "Requires-Dist: middle",
        'Requires-Dist: unused; extra == "more"',
        'Requires-Dist: old; python_version < "3"',
    ]
    install(tmp_path, "top", "License-Expression: MIT", *needs)
    install(tmp_path, "middle", "License-Expression: MIT", "Requires-Dist: deep[fast]")
    install(tmp_path, "deep", "License-Expression: MIT", 'Requires-Dist: faster; extra == "fast"')
    install(tmp_path, "faster", "License-Expression: GPL-3.0-only")
    assert check(tmp_path, "top") == (1, "faster has the licence GPL-3.0-only, which is not allowed\n")


def test_a_package_that_is_not_installed_cannot_be_checked(tmp_path: Path) -> None:
    assert check(tmp_path, "absent") == (1, "absent is not installed\n")


def test_a_licence_read_by_hand_counts_only_while_the_metadata_says_the_same(tmp_path: Path) -> None:
    install(tmp_path, "vine", "License: BSD")
    assert check(tmp_path, "vine") == (0, "")
    (tmp_path / "vine-1.0.dist-info" / "METADATA").write_text(
        "Name: vine\nVersion: 1.0\nLicense: GPL\n", encoding="utf-8"
    )
    assert check(tmp_path, "vine") == (1, "vine has an unknown licence: GPL\n")


def test_the_licence_is_stated_where_tools_look_for_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    assert all((ROOT / name).is_file() for name in project["license-files"])
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]
