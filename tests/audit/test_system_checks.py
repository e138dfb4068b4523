"""The lists in settings are checked at the start."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize(
    ("path", "code"), [("registry.nowhere.subject", "E001"), ("nothing", "E001"), ("audit.services.SCHEMA", "E002")]
)
@pytest.mark.parametrize(("setting", "app"), [("AUDIT_SUBJECTS", "audit"), ("LINEAGE_VISIBILITY", "lineage")])
def test_a_path_that_is_not_there_stops_the_start(
    settings: Settings, setting: str, app: str, path: str, code: str
) -> None:
    setattr(settings, setting, [path])
    assert f"{app}.{code}" in [problem.id for problem in run_checks()]
