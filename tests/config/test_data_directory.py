"""The data directory: made by a start, and by nothing else; its secret key is made once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config import env
from config.data_directory import DataDirectoryUnusable, prepare_data_directory
from tests.e2e.installation import ROOT

pytestmark = pytest.mark.process


@pytest.fixture(autouse=True)
def _no_key_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUSTODY_SECRET_KEY", raising=False)


def manage(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=os.environ | {"CUSTODY_DATA": str(data), "DATABASE_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_start_makes_the_directory_for_its_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    prepare_data_directory(data)
    assert data.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in data.iterdir()) == ["keys", "static"]


def test_the_secret_key_is_made_once_and_kept_to_its_owner(tmp_path: Path) -> None:
    assert env.secret_key(tmp_path) == ""
    prepare_data_directory(tmp_path)
    first, path = env.secret_key(tmp_path), env.secret_key_file(tmp_path)
    prepare_data_directory(tmp_path)
    assert len(first) > 60
    assert (env.secret_key(tmp_path), path.stat().st_mode & 0o777) == (first, 0o600)
    assert list(path.parent.iterdir()) == [path]


def test_a_key_from_the_environment_is_not_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CUSTODY_SECRET_KEY", "given")
    prepare_data_directory(tmp_path)
    assert env.secret_key(tmp_path) == "given"
    assert not env.secret_key_file(tmp_path).exists()


def test_processes_that_start_together_share_one_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    numbers = iter(range(100))
    monkeypatch.setattr(os, "getpid", lambda: next(numbers))  # a draft is named by its process

    def key_of(data: Path) -> str:
        prepare_data_directory(data)
        return env.secret_key(data)

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(key_of, [tmp_path] * 8))) == 1


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryUnusable, match=r"file/data cannot be used: Not a directory\. Name another"):
        prepare_data_directory(tmp_path / "file" / "data")


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    env.secret_key_file(tmp_path).mkdir(parents=True)
    with pytest.raises(env.BadSetting, match=r"keys/secret_key cannot be read"):
        env.secret_key(tmp_path)


def test_a_check_of_the_settings_writes_nothing(tmp_path: Path) -> None:
    done = manage(tmp_path / "none", "check")
    assert (done.returncode, done.stdout.strip()) == (0, "System check identified no issues (0 silenced).")
    (tmp_path / "file").touch()
    assert manage(tmp_path / "file" / "none", "check").returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("command", [["up"], ["migrate"]])
def test_a_start_in_a_directory_it_cannot_use_says_so(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "file").touch()
    done = manage(tmp_path / "file" / "data", *command)
    assert done.returncode == 1
    assert done.stderr.startswith(f"CommandError: The data directory {tmp_path / 'file' / 'data'} cannot be used")
    assert "Traceback" not in done.stderr
