"""System checks of AUDIT_SUBJECTS and AUDIT_CONSUMERS: an entry that cannot be used stops the start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string


@register()
def check_subjects(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of AUDIT_SUBJECTS can be imported and called."""
    return unusable_paths("AUDIT_SUBJECTS", settings.AUDIT_SUBJECTS, app="audit")


@register()
def check_consumers(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of AUDIT_CONSUMERS can be imported and called, and says which actions it wants."""
    if problems := unusable_paths("AUDIT_CONSUMERS", settings.AUDIT_CONSUMERS, app="audit"):
        return problems
    return [
        Error(f"AUDIT_CONSUMERS: {path} does not say what it consumes: decorate it with @consumes.", id="audit.E003")
        for path in settings.AUDIT_CONSUMERS
        if not isinstance(getattr(import_string(path), "actions", None), frozenset)
    ]


def unusable_paths(setting: str, paths: Iterable[str], *, app: str) -> list[CheckMessage]:
    """Return an error, `<app>.E001` or `<app>.E002`, for each dotted path that cannot be imported or called."""
    problems: list[CheckMessage] = []
    for path in paths:
        try:
            fine = callable(import_string(path))
        except ImportError as error:
            problems.append(Error(f"{setting}: {path} cannot be imported: {error}", id=f"{app}.E001"))
            continue
        if not fine:
            problems.append(Error(f"{setting}: {path} is not callable.", id=f"{app}.E002"))
    return problems
