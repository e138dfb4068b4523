"""System checks of the settings of the audit log: an entry that cannot be used stops the start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError
from django.utils.module_loading import import_string

from audit.hardening import weaknesses
from audit.siem.targets import target_of
from audit.witnesses.addresses import witness_of


@register()
def check_subjects(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of AUDIT_SUBJECTS can be imported and called."""
    return unusable_paths("AUDIT_SUBJECTS", settings.AUDIT_SUBJECTS, app="audit")


@register()
def check_consumers(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of AUDIT_CONSUMERS can be imported and called, and has the actions that it consumes."""
    if problems := unusable_paths("AUDIT_CONSUMERS", settings.AUDIT_CONSUMERS, app="audit"):
        return problems
    return [
        Error(f"AUDIT_CONSUMERS: {path} has no actions to consume: decorate it with @consumes.", id="audit.E003")
        for path in settings.AUDIT_CONSUMERS
        if not isinstance(getattr(import_string(path), "actions", None), frozenset)
    ]


@register()
def check_witnesses(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of CUSTODY_WITNESSES is the address of a witness, and the quorum is at most their number."""
    problems: list[CheckMessage] = []
    for address in settings.WITNESSES:
        try:
            witness_of(address)
        except ValueError as error:
            problems.append(Error(f"CUSTODY_WITNESSES: {error}", id="audit.E004"))
    if len(settings.WITNESSES) < settings.WITNESS_QUORUM:
        problems.append(
            Error(
                f"CUSTODY_WITNESS_QUORUM is {settings.WITNESS_QUORUM}, and CUSTODY_WITNESSES has {len(settings.WITNESSES)}.",
                id="audit.E005",
            )
        )
    return problems


@register()
def check_siem(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of CUSTODY_SIEM is the address of a receiver."""
    problems: list[CheckMessage] = []
    for address in settings.SIEM:
        try:
            target_of(address)
        except ValueError as error:
            problems.append(Error(f"CUSTODY_SIEM: {error}", id="audit.E006"))
    return problems


@register(Tags.security, deploy=True)
def check_role(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """The database role in use cannot change events. A database that does not answer is not reported."""
    try:
        problems = list(weaknesses())
    except DatabaseError:
        return []
    hint = "Run `manage.py audit_harden --role NAME` as the owner of the tables, and use that role in DATABASE_URL."
    return [
        CheckWarning(f"The application can change audit events: {problem}", hint=hint, id="audit.W001")
        for problem in problems
    ]


def unusable_paths(setting: str, paths: Iterable[str], *, app: str) -> list[CheckMessage]:
    """Return an error, `<app>.E001` or `<app>.E002`, for each dotted path that cannot be imported or called."""
    problems: list[CheckMessage] = []
    for path in paths:
        try:
            is_callable = callable(import_string(path))
        except ImportError as error:
            problems.append(Error(f"{setting}: {path} cannot be imported: {error}", id=f"{app}.E001"))
            continue
        if not is_callable:
            problems.append(Error(f"{setting}: {path} is not callable.", id=f"{app}.E002"))
    return problems
