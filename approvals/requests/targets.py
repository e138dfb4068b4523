"""Targets of a request: a stage, or an @alias that a policy protects; and how a version is moved there."""

from __future__ import annotations

from core.actors import Actor
from policies.parsing import is_alias
from registry.models import Alias, ModelVersion
from registry.services.aliases import set_alias
from registry.services.stages import change_stage
from registry.stages import Stage


def is_there(version: ModelVersion, target: str) -> bool:
    """Return whether a version is where a request would bring it (a superseded one is not in Production)."""
    if is_alias(target):
        return Alias.objects.filter(model=version.model_id, name=target[1:], version=version).exists()
    return version.stage == target and version.is_current == (target == Stage.PRODUCTION)


def carry_out(*, actor: Actor, version: ModelVersion, target: str, archive_existing: bool, reason: str) -> None:
    """Bring a version to its target through the registry's own services, which ask the gate."""
    if is_alias(target):
        set_alias(actor=actor, name=version.model.name, alias=target[1:], version=version.version, reason=reason)
        return
    change_stage(actor=actor, version=version, target=Stage(target), archive_existing=archive_existing, reason=reason)
