"""System checks: a list in settings that names what is not there stops the start, not the first auditor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string


@register()
def check_subjects(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001
    """Every entry of AUDIT_SUBJECTS can be imported and called."""
    problems: list[CheckMessage] = []
    for path in settings.AUDIT_SUBJECTS:
        try:
            fine = callable(import_string(path))
        except ImportError as error:
            problems.append(Error(f"AUDIT_SUBJECTS: {path} cannot be imported: {error}", id="audit.E001"))
            continue
        if not fine:
            problems.append(Error(f"AUDIT_SUBJECTS: {path} is not callable.", id="audit.E002"))
    return problems
