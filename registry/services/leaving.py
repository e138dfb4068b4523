"""The event that a version left Production, or a protected alias, without a successor."""

from __future__ import annotations

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from registry.models import ModelVersion


def record_left(*, actor: Actor, version: ModelVersion, left: str, to: str, reason: str) -> None:
    """Record that a version left Production or an @alias (``left``), in the transaction of the move.

    ``version`` is the row as it was before the move, with its approvers. ``to`` is its stage after the move. The event
    notifies people; ``serves`` in it are the endpoints that still serve the version.
    """
    live = version.deployments.filter(ended_at__isnull=True).order_by("endpoint__name", "number")
    record(
        actor=actor,
        action=Action.REGISTRY_PRODUCTION_LEFT,
        obj=version,
        before={"approved_by": version.approved_by},
        after={
            "left": left,
            "to": to,
            "serves": list(live.values_list("endpoint__name", flat=True)),
            "deployed_by": sorted(set(live.order_by().values_list("deployed_by", flat=True))),
        },
        reason=reason,
    )
