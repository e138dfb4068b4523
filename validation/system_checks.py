"""System checks of CHECKS: a validation check that cannot be used stops the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

_PARTS = ("code", "parse", "describe", "inputs", "run")


@register
def check_validation_checks(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of CHECKS is a class with the parts of a check, and no two have the same code."""
    codes: dict[str, str] = {}
    problems: list[CheckMessage] = []
    for path in settings.CHECKS:
        why, code = _inspect(path)
        if not why and code in codes:
            why = f"its code {code} is that of {codes[code]}"
        codes.setdefault(code, path)
        if why:
            hint = "A policy that names this check could not be applied. Correct CHECKS."
            problems.append(Error(f"The check {path!r} cannot be used: {why}.", hint=hint, id="validation.E001"))
    return problems


def _inspect(path: str) -> tuple[str, str]:
    """Return (what is wrong with a check, or "", its code)."""
    try:
        check = import_string(path)
    except ImportError as error:
        return str(error), path
    missing = [part for part in _PARTS if not hasattr(check, part)]
    return (f"it has no {', '.join(missing)}" if missing else ""), str(getattr(check, "code", path))
