"""System checks: a missing entry would allow bytes to be deleted or evidence to be changed, so it stops the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, register

from audit.system_checks import unusable_paths


@register()
def check_holders(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of ARTIFACT_HOLDERS, RUN_HOLDERS and ARTIFACT_CLAIMS can be imported and called."""
    return [
        *unusable_paths("ARTIFACT_HOLDERS", settings.ARTIFACT_HOLDERS, app="tracking"),
        *unusable_paths("RUN_HOLDERS", settings.RUN_HOLDERS, app="tracking"),
        *unusable_paths("ARTIFACT_CLAIMS", settings.ARTIFACT_CLAIMS, app="tracking"),
    ]
