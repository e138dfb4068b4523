"""Consequences for the dialogs of moves by which a version leaves Production, or an alias, without a successor."""

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
    """A move by which a version leaves something, with its consequences.

    ``address`` is what clients load that will get an error. ``deployments`` are those that serve the version and
    continue to do so. ``aliases`` still point at it. ``roll_back_to`` is the version that a rollback would bring back
    instead.
    """

    version: ModelVersion
    address: str
    deployments: list[Deployment]
    aliases: list[str]
    roll_back_to: ModelVersion | None
    policies: MovePolicies

    @property
    def needs_reason(self) -> bool:
        """Return whether a policy judges the move: then the reason is kept."""
        return self.policies.leave is not None

    @property
    def html(self) -> SafeString:
        """Return the list of what stops, as the dialog shows it."""
        return render_to_string("console/registry/_leaving.html", {"leaving": self})


def leaving_of(version: ModelVersion, target: str) -> Leaving | None:
    """Return what stops when a version makes this move; None where it leaves nothing, or something takes its place."""
    left = target_left(target, is_current=version.is_current)
    if not left:
        return None
    name = version.model.name
    is_stage = left == Stage.PRODUCTION
    candidates = rollback_candidates(version.model) if is_stage else []
    live = version.deployments.filter(ended_at__isnull=True).select_related("endpoint")
    return Leaving(
        version=version,
        address=f"models:/{name}/Production" if is_stage else f"models:/{name}{left}",
        deployments=list(live.order_by("endpoint__name", "number")),
        aliases=[alias for alias in version.aliases.order_by("name").values_list("name", flat=True) if is_stage],
        roll_back_to=next((row.version for row in candidates if not row.obstacle), None),
        policies=policies_for_move(version, target),
    )
