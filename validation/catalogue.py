"""The checks that policies may name: those of settings.CHECKS, by their codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import InvalidInput, NotFound
from validation.base import Check


def known_checks() -> dict[str, Check]:
    """Return every check by its code, in the order of the settings. Raises ImportError for a wrong path."""
    checks = [cast("Check", import_string(path)()) for path in settings.CHECKS]
    return {check.code: check for check in checks}


def find_check(code: str) -> Check:
    """Return a check by its code. Raises NotFound where the settings do not name it."""
    try:
        return known_checks()[code]
    except KeyError as error:
        raise NotFound(f"There is no check {code}.") from error


def describe_check(code: str, params: Mapping[str, object]) -> str:
    """Return the requirement of a check with these parameters on a version, as a sentence.

    Where the settings do not name the check, or it does not take the parameters, the sentence names its code.
    """
    try:
        check = find_check(code)
        return check.describe(check.parse(params))
    except (InvalidInput, NotFound):
        return f"The check {code} must pass."
