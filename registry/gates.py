"""Gates of transitions: an ordered list in settings.TRANSITION_GATES. Every governed move must pass all of them.

A target is a stage, an alias written `@champion`, or `-champion` for the removal of an alias.

Gates are in apps above this one, so the setting has their dotted paths, as for Django's password validators. A gate
that raises an error refuses the move. Where the database or the store does not answer, Unavailable is raised.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from audit.actions import Action
from core.actors import Actor
from core.errors import Conflict, Denied, GateFailed
from core.outages import raise_if_outage
from registry.models import ModelVersion, RegisteredModel

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GatePass:
    """A gate's consent to a move: who approved it and when, and ``basis``, the reason as text.

    ``rollback_window`` is how long a version superseded by this promotion keeps its stage before it is archived.
    ``stands_on`` is the basis as data: the kind and number of the request, and for a rollback the number of the earlier
    request whose approval is still valid. ``is_full_validation`` tells that every rule that the policy names as part of
    a full validation has passed.
    """

    approved_by: tuple[str, ...]
    approved_at: datetime | None
    basis: str
    rollback_window: timedelta
    stands_on: Mapping[str, str | int] = field(default_factory=dict)
    is_full_validation: bool = False


class Gate(Protocol):
    """A gate. It is called inside the transaction of the move, after the model's row is locked, and only reads."""

    def governs(self, *, model: RegisteredModel, target: str) -> bool:
        """Return whether this gate applies to moves of this model to this target."""

    def governs_model(self, *, model: RegisteredModel) -> bool:
        """Return whether this gate applies to any move of this model."""

    def check(self, *, version: ModelVersion, target: str, actor: Actor, archive_existing: bool) -> GatePass | None:
        """Return a pass, None where this gate does not govern the move. Raises GateRefused or Denied to refuse."""

    def transition_refusal(self, *, model: RegisteredModel, source: str, target: str) -> str:
        """Return why no version of the model may go from one stage to another, "" where versions may."""

    def depends_on_tag(self, *, model: RegisteredModel, key: str) -> bool:
        """Return whether the requirements of this gate for the model depend on this tag."""

    def targets_affected_by_rename(self, *, model: RegisteredModel, new_name: str) -> list[str]:
        """Return the targets in use that another policy, or no policy, would govern if the model had this name."""

    def relaxation_refusal(
        self, *, actor: Actor, model: RegisteredModel, name: str | None, tags: Mapping[str, str] | None, tier: str
    ) -> str:
        """Return why this actor may not relax the requirements for the model by this name, these tags or this tier.

        Returns "" where they may, or where nothing is relaxed.
        """


@dataclass(frozen=True, slots=True)
class Clearance:
    """The passes of all gates, combined. ``governed`` is False where no gate applies to the move."""

    governed: bool = False
    approved_by: str = ""
    approved_at: datetime | None = None
    basis: str = ""
    rollback_window: timedelta | None = None
    stands_on: Mapping[str, str | int] | None = None
    is_full_validation: bool = False


def load_gates() -> list[Gate]:
    """Return the configured gates, in order. Raises ImportError for a gate that does not exist."""
    return [cast("Gate", import_string(path)()) for path in settings.TRANSITION_GATES]


def is_governed(model: RegisteredModel, target: str) -> bool:
    """Return whether any gate applies to a move. A gate that fails counts as one that applies. Raises Unavailable."""
    try:
        return any(gate.governs(model=model, target=target) for gate in load_gates())
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; what it guards counts as governed")
        return True


def require_transition(version: ModelVersion, target: str, *, actor: Actor) -> None:
    """Raise Denied where no version of the model may make this transition, or where a gate fails.

    Raises Unavailable.
    """
    try:
        refusals = [
            gate.transition_refusal(model=version.model, source=version.stage, target=target) for gate in load_gates()
        ]
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; the transition is refused")
        refusals = ["A transition gate failed, so the transition is refused. The server's log says why."]
    if why := next(filter(None, refusals), ""):
        raise Denied(f"{actor.name} cannot move {version}. {why}", action=Action.REGISTRY_STAGE_CHANGED, obj=version)


def governs_model(model: RegisteredModel) -> bool:
    """Return whether any gate applies to any move of a model. A gate that fails counts as one that applies.

    Raises Unavailable.
    """
    try:
        return any(gate.governs_model(model=model) for gate in load_gates())
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; what it guards counts as governed")
        return True


def gates_depend_on_tag(model: RegisteredModel, key: str) -> bool:
    """Return whether the requirements of the gates for a model depend on a tag. Raises Unavailable.

    A gate that fails counts as one that depends on every tag.
    """
    try:
        return any(gate.depends_on_tag(model=model, key=key) for gate in load_gates())
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; every tag of the model counts as one that a policy reads")
        return True


def require_rename_keeps_policies(*, model: RegisteredModel, new_name: str) -> None:
    """Raise Conflict where a new name would put versions in use under another policy, or where a gate fails.

    Versions are in use when they are staged or aliased, or have a live request. Raises Unavailable.
    """
    try:
        affected = sorted(
            {
                target
                for gate in load_gates()
                for target in gate.targets_affected_by_rename(model=model, new_name=new_name)
            }
        )
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; the model keeps its name")
        raise Conflict(f"{model.name} keeps its name: a transition gate failed. The server's log says why.") from error
    if affected:
        raise Conflict(
            f"{model.name} cannot be renamed to {new_name}: another policy would then govern {', '.join(affected)}. Archive "
            "the versions, withdraw the requests and remove the aliases first."
        )


def require_no_own_relaxation(
    *,
    actor: Actor,
    model: RegisteredModel,
    action: Action,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    tier: str = "",
) -> None:
    """Raise Denied where an author would relax the policy for their own version, or where a gate fails.

    ``name``, ``tags`` (all of them) and ``tier`` are the values that the model would get. A value that is not given
    stays as it is. Raises Unavailable.
    """
    try:
        refusals = [
            gate.relaxation_refusal(actor=actor, model=model, name=name, tags=tags, tier=tier) for gate in load_gates()
        ]
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; the model stays as it is")
        refusals = ["A transition gate failed, so the model stays as it is. The server's log says why."]
    if why := next(filter(None, refusals), ""):
        raise Denied(why, action=action, obj=model)


def ask_gates(*, version: ModelVersion, target: str, actor: Actor, archive_existing: bool) -> Clearance:
    """Return the clearance for a move. Raises Denied (GateRefused among them) at the first gate that refuses.

    Raises GateFailed where a gate fails. Raises Unavailable where the database or the store does not answer.
    """
    try:
        answers = [
            gate.check(version=version, target=target, actor=actor, archive_existing=archive_existing)
            for gate in load_gates()
        ]
    except Denied:
        raise
    except Exception as error:
        raise_if_outage(error)
        log.exception("a transition gate failed; the transition is refused")
        raise GateFailed(
            "A transition gate failed, so the transition is refused. The server's log says why.",
            action=Action.REGISTRY_STAGE_CHANGED,
            obj=version,
        ) from error
    return _combined([answer for answer in answers if answer is not None])


def _combined(passes: Sequence[GatePass]) -> Clearance:
    if not passes:
        return Clearance()
    approvers = sorted({name for one_pass in passes for name in one_pass.approved_by})
    times = [one_pass.approved_at for one_pass in passes if one_pass.approved_at is not None]
    return Clearance(
        governed=True,
        approved_by=", ".join(approvers),
        approved_at=max(times, default=None),
        basis="; ".join(one_pass.basis for one_pass in passes if one_pass.basis),
        rollback_window=max(one_pass.rollback_window for one_pass in passes),
        is_full_validation=any(one_pass.is_full_validation for one_pass in passes),
        stands_on=next((one_pass.stands_on for one_pass in passes if one_pass.stands_on), None),
    )
