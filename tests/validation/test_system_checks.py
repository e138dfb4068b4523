"""Settings that name a check that cannot work stop the start."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from validation.system_checks import check_validation_checks

GOOD = "validation.checks.card.Complete"


def test_the_settings_are_right() -> None:
    assert check_validation_checks(app_configs=None) == []


@pytest.mark.parametrize("path", ["validation.checks.card.Gone", "nowhere.Check", "datetime.datetime", GOOD])
def test_a_wrong_check_is_named(settings: Settings, path: str) -> None:
    settings.CHECKS = [GOOD, path]
    problem, *more = check_validation_checks(app_configs=None)
    assert not more
    assert (problem.id, path in problem.msg) == ("validation.E001", True)
