"""The state machine as data: which stage may follow which, and what it takes. No ORM here.

Buttons, API errors, documentation and tests all read TRANSITIONS. Whether a *governed* transition may happen for this
version now is the policy's word (see TRANSITION_GATES in the settings), not this table's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from django.db import models

from core.errors import InvalidInput


class Stage(models.TextChoices):
    """MLflow's stages."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


@dataclass(frozen=True, slots=True)
class Transition:
    """One edge: ``gated`` edges ask every gate; ``may_archive`` edges accept `archive_existing_versions`."""

    source: Stage
    target: Stage
    gated: bool
    may_archive: bool
    title: str


_TITLES = {
    Stage.NONE: "Remove from its stage",
    Stage.STAGING: "Move to Staging",
    Stage.PRODUCTION: "Promote to Production",
    Stage.ARCHIVED: "Archive",
}
_ACTIVE = (Stage.STAGING, Stage.PRODUCTION)

# Every pair MLflow allows, a stage to itself included (a version that was superseded in Production may return).
TRANSITIONS: tuple[Transition, ...] = tuple(
    Transition(source, target, gated=target in _ACTIVE, may_archive=target in _ACTIVE, title=_TITLES[target])
    for source, target in product(Stage, Stage)
)
_BY_EDGE = {(edge.source, edge.target): edge for edge in TRANSITIONS}


def find_transition(source: str, target: str) -> Transition:
    """Return the edge from one stage to another."""
    return _BY_EDGE[Stage(source), Stage(target)]


def transitions_from(source: str) -> list[Transition]:
    """Return the edges a version in this stage may take to another stage."""
    return [edge for edge in TRANSITIONS if edge.source == source and edge.target != source]


def parse_stage(name: str) -> Stage:
    """Return the stage for a name in any case, as MLflow does."""
    for stage in Stage:
        if stage.value.lower() == name.strip().lower():
            return stage
    allowed = ", ".join(stage.value for stage in Stage)
    msg = f"Invalid Model Version stage: {name}. Value must be one of {allowed}."
    raise InvalidInput(msg)
