"""System checks of settings that name functions by their paths.

A wrong path would refuse nothing, so the server does not start with one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, register

from audit.system_checks import unusable_paths


@register()
def check_visibility(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of LINEAGE_VISIBILITY, LINEAGE_WRITERS and LINEAGE_SUGGESTERS can be imported and called."""
    return [
        *unusable_paths("LINEAGE_SUGGESTERS", settings.LINEAGE_SUGGESTERS, app="lineage"),
        *unusable_paths("LINEAGE_VISIBILITY", settings.LINEAGE_VISIBILITY, app="lineage"),
        *unusable_paths("LINEAGE_WRITERS", settings.LINEAGE_WRITERS, app="lineage"),
    ]


@register()
def check_release_guards(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of QUARANTINE_RELEASE_GUARDS can be imported and called."""
    return unusable_paths("QUARANTINE_RELEASE_GUARDS", settings.QUARANTINE_RELEASE_GUARDS, app="lineage")
