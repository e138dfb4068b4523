"""System checks of the settings of validation: the server does not start with a check that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from validation.keyless import configuration_problem

_PARTS = ("code", "parse", "describe", "inputs", "run")


@register
def check_validation_checks(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Return an error for each entry of CHECKS that is not a class with the parts of a check or repeats a code."""
    codes: dict[str, str] = {}
    problems: list[CheckMessage] = []
    for path in settings.CHECKS:
        reason, code = _inspect(path)
        if not reason and code in codes:
            reason = f"its code {code} is that of {codes[code]}"
        codes.setdefault(code, path)
        if reason:
            hint = "A policy that names this check could not be applied. Correct CHECKS."
            problems.append(Error(f"The check {path!r} cannot be used: {reason}.", hint=hint, id="validation.E001"))
    return problems


@register
def check_trusted_root(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Return an error if CUSTODY_SIGSTORE_TRUSTED_ROOT is set and its file or the library cannot be used."""
    if not settings.SIGSTORE_TRUSTED_ROOT or not (problem := configuration_problem()):
        return []
    hint = "Without the setting, `model.signed` accepts keys and ends as an error where an identity signed."
    return [Error(problem, hint=hint, id="validation.E002")]


def _inspect(path: str) -> tuple[str, str]:
    """Return why the check cannot be used ("" if it can), and its code (its path if it has none)."""
    try:
        check = import_string(path)
    except ImportError as error:
        return str(error), path
    missing = [part for part in _PARTS if not hasattr(check, part)]
    return (f"it has no {', '.join(missing)}" if missing else ""), str(getattr(check, "code", path))
