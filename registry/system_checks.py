"""System checks of the registry's settings: a gate that cannot be imported must stop the start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from registry.permissions import Level
from registry.sources import never_matches


@register
def check_gates(app_configs: Sequence[Any] | None, **_kwargs: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Every transition gate must be a class with a `check` method."""
    return [
        Error(
            f"The transition gate {path!r} cannot be used: {why}.",
            hint="Every transition would be refused. Correct TRANSITION_GATES.",
            id="registry.E001",
        )
        for path in settings.TRANSITION_GATES
        if (why := _fault_of(path))
    ]


@register
def check_default_level(app_configs: Sequence[Any] | None, **_kwargs: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """DEFAULT_MODEL_LEVEL must name a level, or be `none`."""
    name = settings.DEFAULT_MODEL_LEVEL
    if name in {"", "none"} or name.upper() in Level.__members__:
        return []
    levels = ", ".join(level.name.lower() for level in Level)
    return [Error(f"DEFAULT_MODEL_LEVEL is {name!r}; it must be none or one of {levels}.", id="registry.E002")]


@register
def check_allowed_sources(app_configs: Sequence[Any] | None, **_kwargs: object) -> list[CheckMessage]:  # noqa: ARG001 - Django's signature
    """Every entry of CUSTODY_ALLOWED_SOURCES must be a prefix that a source can have."""
    return [
        Error(
            f"CUSTODY_ALLOWED_SOURCES has the entry {prefix!r}, which no source can match.",
            hint="Write the beginning of a URI, scheme in small letters, without wildcards: s3://models/ or gs://bucket/team/.",
            id="registry.E003",
        )
        for prefix in settings.ALLOWED_SOURCES
        if never_matches(prefix)
    ]


def _fault_of(path: str) -> str:
    try:
        gate = import_string(path)
    except ImportError as error:
        return str(error)
    return "" if callable(getattr(gate, "check", None)) else "it has no method `check`"
