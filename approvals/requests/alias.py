"""Asking that an alias point at a version, from any door: at once where nobody protects it, through a request where a policy does."""

from __future__ import annotations

from approvals.requests.transition import request_transition
from core.actors import Actor
from registry.models import ModelVersion
from registry.names import check_alias
from registry.queries import get_model


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
    """Point an alias at a version, through the request that collects what its policy asks; return the version.

    Raises as `approvals.requests.transition.request_transition` does: GateRefused (recorded, with one line for each thing
    missing and the request's URL) until it is approved; then the same call succeeds.
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
