"""An old server to import from, and the command that imports it."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.importing.old_database import OldDatabase, fill

Bring = Callable[..., str]


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"
    settings.DATA_DIR = tmp_path


@pytest.fixture
def old(tmp_path: Path) -> OldDatabase:
    return fill(OldDatabase(tmp_path))


@pytest.fixture
def bring(db: None, old: OldDatabase) -> Bring:
    """Return a function that imports the old database with its files and returns what the command printed."""

    def run(*options: str) -> str:
        printed = io.StringIO()
        call_command("import_mlflow", old.uri, "--artifacts-from", str(old.artifacts), *options, stdout=printed)
        return printed.getvalue()

    return run
