"""Policies on leaving: what a version needs to leave Production, or an alias, without a successor.

`applies_to: {leaves: Production}` becomes the policy target `leaves Production`. No request has that target, so a
policy on leaving never governs as a policy on entering.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from policies.matching import LoadedPolicy, ModelFacts, active_policies, governing_policy, model_facts
from policies.rules import DEVICE_PASSKEY
from policies.targets import leave_target
from registry.models import ModelVersion
from registry.stages import Stage, target_left


@dataclass(frozen=True, slots=True)
class MovePolicies:
    """The policies that apply to one move: on entering the target, and on leaving the present one; None for none."""

    entry: LoadedPolicy | None
    leave: LoadedPolicy | None

    @property
    def governing(self) -> LoadedPolicy | None:
        """Return the policy that a request for the move is opened under."""
        return self.entry or self.leave

    @property
    def signed_by_passkey(self) -> bool:
        """Return whether one of the policies asks for the signature of a passkey."""
        return any(policy.body.options.signed_by is not None for policy in (self.entry, self.leave) if policy)

    @property
    def signed_on_device(self) -> bool:
        """Return whether one of the policies asks for the signature of a passkey that stays on one device."""
        return any(policy.body.options.signed_by == DEVICE_PASSKEY for policy in (self.entry, self.leave) if policy)

    @property
    def added(self) -> LoadedPolicy | None:
        """Return the policy on leaving if the move also has one on entering, as from Production to Staging; else None.

        Its rules are added to those of the governing policy.
        """
        return self.leave if self.entry is not None else None


def policies_of_move(policies: Sequence[LoadedPolicy], model: ModelFacts, target: str, left: str) -> MovePolicies:
    """Return the policies that apply to a move to ``target``, by which a version leaves ``left`` (`target_left`)."""
    return MovePolicies(governing_policy(policies, model, target), _leave_policy(policies, model, left))


def policies_for_move(version: ModelVersion, target: str) -> MovePolicies:
    """Return the policies that apply to a move of this version to ``target`` now."""
    policies = active_policies()
    left = target_left(target, is_current=version.is_current)
    if not policies:
        return MovePolicies(None, None)
    return policies_of_move(policies, model_facts([version.model])[version.model_id], target, left)


def _leave_policy(policies: Sequence[LoadedPolicy], model: ModelFacts, left: str) -> LoadedPolicy | None:
    """Return the policy on leaving a stage or an alias; None without one.

    For a protected alias without a policy of its own on leaving, it is the policy on leaving Production.
    """
    if not left:
        return None
    own = governing_policy(policies, model, leave_target(left))
    if own is not None or left == Stage.PRODUCTION or governing_policy(policies, model, left) is None:
        return own
    return governing_policy(policies, model, leave_target(Stage.PRODUCTION))
