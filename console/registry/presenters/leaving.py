"""The consequences of a move by which a version leaves Production or loses an alias, without a successor."""

from __future__ import annotations

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from approvals.case.rollback_candidates import rollback_candidates
from policies.leaving import MovePolicies, policies_for_move
from registry.models import Deployment, ModelVersion
from registry.stages import Stage, target_left


@dataclass(frozen=True, slots=True)
class Leaving:
    """A move by which a version leaves Production or loses an alias, with its consequences.

    ``address`` is the URI that clients can no longer load. ``deployments`` serve the version and continue to do so.
    ``aliases`` still point at it. ``roll_back_to`` is the version that a rollback would bring back instead, None where
    there is none.
    """

    version: ModelVersion
    address: str
    deployments: list[Deployment]
    aliases: list[str]
    roll_back_to: ModelVersion | None
    policies: MovePolicies

    @property
    def needs_reason(self) -> bool:
        """Return whether a policy governs the move, so that a reason is required."""
        return self.policies.leave is not None

    @property
    def html(self) -> SafeString:
        """Return the list of consequences for the dialog."""
        return render_to_string("console/registry/_leaving.html", {"leaving": self})


def leaving_of(version: ModelVersion, target: str) -> Leaving | None:
    """Return the consequences of a move, None where the version leaves neither Production nor an alias by it."""
    left_target = target_left(target, is_current=version.is_current)
    if not left_target:
        return None
    name = version.model.name
    is_stage = left_target == Stage.PRODUCTION
    candidates = rollback_candidates(version.model) if is_stage else []
    live = version.deployments.filter(ended_at__isnull=True).select_related("endpoint")
    return Leaving(
        version=version,
        address=f"models:/{name}/Production" if is_stage else f"models:/{name}{left_target}",
        deployments=list(live.order_by("endpoint__name", "number")),
        aliases=[alias for alias in version.aliases.order_by("name").values_list("name", flat=True) if is_stage],
        roll_back_to=next((row.version for row in candidates if not row.obstacle), None),
        policies=policies_for_move(version, target),
    )
