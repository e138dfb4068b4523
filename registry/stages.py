"""The stages and the transitions between them, as data. Pure functions.

Buttons, API errors, documentation and tests read TRANSITIONS. The table does not say whether a version may take a
governed transition now: the gates decide that (settings.TRANSITION_GATES).
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


_REMOVAL = "-"
_ACTIVE = (Stage.STAGING, Stage.PRODUCTION)

# Every pair MLflow allows, a stage to itself included (a version that was superseded in Production may return).
TRANSITIONS: tuple[Transition, ...] = tuple(
    Transition(source, target, gated=target in _ACTIVE, may_archive=target in _ACTIVE)
    for source, target in product(Stage, Stage)
)
_BY_EDGE = {(edge.source, edge.target): edge for edge in TRANSITIONS}


def find_transition(source: str, target: str) -> Transition:
    """Return the edge from one stage to another."""
    return _BY_EDGE[Stage(source), Stage(target)]


def transitions_from(source: str) -> list[Transition]:
    """Return the edges a version in this stage may take to another stage."""
    return [edge for edge in TRANSITIONS if edge.source == source and edge.target != source]


def removal_target(alias: str) -> str:
    """Return the target of a request that removes an alias: `-champion`."""
    return f"{_REMOVAL}{alias}"


def removed_alias(target: str) -> str:
    """Return the alias that a target removes, "" for any other target."""
    return target[1:] if target.startswith(_REMOVAL) else ""


def target_left(target: str, *, is_current: bool) -> str:
    """Return the target that a version leaves without a successor by a move: Production, an @alias, or "".

    ``is_current`` is whether the version is the current Production version. A version that another one replaces is not
    moved by a request of its own, so this function is not called for it.
    """
    if alias := removed_alias(target):
        return f"@{alias}"
    leaves_production = is_current and target in Stage.values and target != Stage.PRODUCTION
    return Stage.PRODUCTION.value if leaves_production else ""


def parse_stage(name: str) -> Stage:
    """Return the stage for a name in any case, as MLflow does. Raises InvalidInput."""
    for stage in Stage:
        if stage.value.lower() == name.strip().lower():
            return stage
    allowed = ", ".join(stage.value for stage in Stage)
    msg = f"Invalid Model Version stage: {name}. Value must be one of {allowed}."
    raise InvalidInput(msg)
