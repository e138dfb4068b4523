"""System checks: an entry of LINEAGE_VISIBILITY that is not there would hide nothing, so it stops the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, register

from audit.system_checks import unusable_paths


@register()
def check_visibility(*, app_configs: Sequence[AppConfig] | None, **_kwargs: Any) -> list[CheckMessage]:  # noqa: ARG001 - Django calls checks so
    """Every entry of LINEAGE_VISIBILITY can be imported and called."""
    return unusable_paths("LINEAGE_VISIBILITY", settings.LINEAGE_VISIBILITY, app="lineage")
