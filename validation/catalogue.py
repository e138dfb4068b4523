"""Catalogue of the checks that policies can use: those in settings.CHECKS, by code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import InvalidInput, NotFound
from validation.base import Check


def known_checks() -> dict[str, Check]:
    """Return every check of settings.CHECKS by its code, in the same order. Raises ImportError for a wrong path."""
    checks = [cast("Check", import_string(path)()) for path in settings.CHECKS]
    return {check.code: check for check in checks}


def find_check(code: str) -> Check:
    """Return the check with this code. Raises NotFound if settings.CHECKS has none."""
    try:
        return known_checks()[code]
    except KeyError as error:
        raise NotFound(f"There is no check {code}.") from error


def describe_check(code: str, params: Mapping[str, object]) -> str:
    """Return a sentence with the requirement of a check with these parameters on a version.

    For an unknown check, and for parameters that it refuses, the sentence only contains the code.
    """
    try:
        check = find_check(code)
        return check.describe(check.parse(params))
    except (InvalidInput, NotFound):
        return f"The check {code} must pass."
