"""The checks a policy may name: settings.CHECKS, by their codes."""

from __future__ import annotations

from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import NotFound
from validation.base import Check


def known_checks() -> dict[str, Check]:
    """Return every check by its code, in the order of the settings; raises ImportError for a path that is wrong."""
    checks = [cast("Check", import_string(path)()) for path in settings.CHECKS]
    return {check.code: check for check in checks}


def find_check(code: str) -> Check:
    """Return a check; NotFound when the settings do not name it (any more)."""
    try:
        return known_checks()[code]
    except KeyError as error:
        raise NotFound(f"There is no check {code}.") from error
