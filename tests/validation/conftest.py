"""A store of artifacts for each test, and ada, who stores in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from accounts.models import User
from core.actors import Actor
from tests.conftest import Acting

MODELS = Path(__file__).parent / "models"


@pytest.fixture(autouse=True)
def _own_store(settings: Settings, tmp_path: Path) -> None:
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)
