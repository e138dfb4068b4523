"""Moving a version to the target of a request: a stage, an @alias, or the removal of an alias."""

from __future__ import annotations

from core.actors import Actor
from policies.targets import is_alias
from registry.models import Alias, ModelVersion
from registry.services.aliases import delete_alias, set_alias
from registry.services.stages import change_stage
from registry.stages import Stage, removed_alias


def is_at_target(version: ModelVersion, target: str) -> bool:
    """Return whether a version is at a target already. A superseded version does not count as in Production."""
    if alias := removed_alias(target):
        return not Alias.objects.filter(model=version.model_id, name=alias, version=version).exists()
    if is_alias(target):
        return Alias.objects.filter(model=version.model_id, name=target[1:], version=version).exists()
    return version.stage == target and version.is_current == (target == Stage.PRODUCTION)


def move_to_target(*, actor: Actor, version: ModelVersion, target: str, archive_existing: bool, reason: str) -> None:
    """Move a version to a target through the registry's services, which ask the gate. Raises what they raise."""
    if alias := removed_alias(target):
        delete_alias(actor=actor, name=version.model.name, alias=alias, version=version.version, reason=reason)
        return
    if is_alias(target):
        set_alias(actor=actor, name=version.model.name, alias=target[1:], version=version.version, reason=reason)
        return
    change_stage(actor=actor, version=version, target=Stage(target), archive_existing=archive_existing, reason=reason)
