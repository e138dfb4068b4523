"""Fixtures for tests that drive a whole installation: `server`, `mlflow_python`, and Debian's chromium for `page`."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import expect

from tests.database_copies import Template
from tests.e2e.installation import ROOT, Installation

_MLFLOW = "3.17.2"
_CANDIDATES = (ROOT / ".venv-mlflow" / "bin" / "python", Path("/opt/mlflowenv/bin/python"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[Installation]:
    """A running installation without the demonstration, shared by the session: name your models and people apart."""
    with Installation(tmp_path_factory.mktemp("installation") / "data", migrated=migrated) as installation:
        yield installation


@pytest.fixture(autouse=True, scope="session")
def _patient_browser() -> None:
    """Wait longer than five seconds for what a page shall show: a busy machine is no failure."""
    expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def migrated(django_db_setup: object, template: Template) -> Path | None:
    """The file of a migrated, empty database, for installations whose first start is not what is tested.

    SQLite only.
    """
    return template.file if connection.vendor == "sqlite" else None


@pytest.fixture(scope="session")
def mlflow_python() -> Path:
    """Return a Python that has the real MLflow client (script/test makes .venv-mlflow)."""
    for candidate in _CANDIDATES:
        if candidate.exists() and _mlflow_of(candidate) == _MLFLOW:
            return candidate
    pytest.skip(f"no environment with mlflow {_MLFLOW}: script/test makes .venv-mlflow from requirements-mlflow.txt")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Launch the system's chromium: Playwright's own download of a browser is not needed, and may not be reachable."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no chromium on this machine: script/test installs it where it can")
    # Chromium refuses its sandbox to root, and containers have too small a /dev/shm.
    return {
        **browser_type_launch_args,
        "executable_path": chromium,
        "args": ["--no-sandbox", "--disable-dev-shm-usage"],
    }


def _mlflow_of(python: Path) -> str:
    code = "from importlib.metadata import version; print(version('mlflow-skinny'))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip()
