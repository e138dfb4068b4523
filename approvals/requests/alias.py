"""Setting and removing aliases: directly, or through a transition request where a policy protects the alias."""

from __future__ import annotations

from approvals.requests.transition import request_transition
from core.actors import Actor
from registry.models import ModelVersion
from registry.names import check_alias
from registry.queries import get_model
from registry.services.aliases import delete_alias
from registry.stages import removal_target


def request_alias(
    *,
    actor: Actor,
    name: str,
    alias: str,
    version: int,
    comment: str = "",
    wait_seconds: float | None = None,
    base_url: str = "",
) -> ModelVersion:
    """Point an alias at a version and return the version. A protected alias needs an approved request.

    Raises what `approvals.requests.transition.request_transition` raises: GateRefused, with the blockers and the
    request's URL, until the request is approved; then the same call succeeds.
    """
    check_alias(alias)
    get_model(actor, name)
    return request_transition(
        actor=actor,
        name=name,
        version=version,
        target=f"@{alias}",
        archive_existing=False,
        comment=comment,
        wait_seconds=wait_seconds,
        base_url=base_url,
    )


def request_alias_removal(
    *,
    actor: Actor,
    name: str,
    alias: str,
    reason: str = "",
    wait_seconds: float | None = None,
    base_url: str = "",
) -> None:
    """Remove an alias. Where a policy governs the removal, it needs an approved request.

    An alias that does not exist is no error, as in MLflow. Raises what `request_transition` raises: GateRefused, with
    the blockers and the request's URL, until the request is approved.
    """
    model = get_model(actor, name)
    version = model.aliases.filter(name=alias).values_list("version__version", flat=True).first()
    if version is None:
        delete_alias(actor=actor, name=name, alias=alias, reason=reason)
        return
    request_transition(
        actor=actor,
        name=name,
        version=version,
        target=removal_target(alias),
        archive_existing=False,
        comment=reason,
        wait_seconds=wait_seconds,
        base_url=base_url,
    )
