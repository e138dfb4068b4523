"""Every tracking test keeps its bytes in a directory of its own."""

import pytest


@pytest.fixture(autouse=True)
def store(settings, tmp_path):
    settings.ARTIFACT_URL = f"file://{tmp_path / 'artifacts'}"
    return tmp_path / "artifacts"
