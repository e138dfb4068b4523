"""The picture of allowed transitions: four stages and the arrows between them, as coordinates of an SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from policies.matching import active_policies, model_facts
from policies.transitions import allowed_by, transitions_policy
from registry.models import RegisteredModel
from registry.stages import Stage

WIDTH, HEIGHT = 560, 220
_BOX_WIDTH, _BOX_HEIGHT = 116, 40
_CENTRES = {Stage.NONE: (70, 50), Stage.STAGING: (280, 50), Stage.PRODUCTION: (490, 50), Stage.ARCHIVED: (280, 178)}
_BEND = 11  # how far an arrow is moved to its right, so that arrows of opposite directions do not overlap


@dataclass(frozen=True, slots=True)
class StageBox:
    """One stage: its text, its middle, and its upper left corner."""

    text: str
    x: int
    y: int
    left: int
    top: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """One allowed transition: its text, and the path that draws it."""

    text: str
    d: str


@dataclass(frozen=True, slots=True)
class StageGraph:
    """The picture. ``source`` names the policy that allows the transitions, "" on the page of that policy."""

    boxes: list[StageBox]
    arrows: list[Arrow]
    source: str = ""
    width: int = WIDTH
    height: int = HEIGHT
    box_width: int = _BOX_WIDTH
    box_height: int = _BOX_HEIGHT

    @property
    def text(self) -> str:
        """Return the text alternative of the picture."""
        return "; ".join(arrow.text for arrow in self.arrows) or "No transition is allowed"


def stage_graph(allowed: Mapping[str, tuple[str, ...]], source: str = "") -> StageGraph:
    """Return the picture of the allowed transitions; ``allowed`` has the targets of each stage."""
    boxes = [
        StageBox(stage.value, x, y, x - _BOX_WIDTH // 2, y - _BOX_HEIGHT // 2) for stage, (x, y) in _CENTRES.items()
    ]
    edges = [(start, end) for start in Stage for end in Stage if start != end and end in allowed.get(start, ())]
    return StageGraph(boxes, [Arrow(f"{start} → {end}", _path(start, end)) for start, end in edges], source)


def stage_graph_of(model: RegisteredModel) -> StageGraph | None:
    """Return the picture for a model, None where no policy limits its transitions; three queries."""
    policy = transitions_policy(active_policies(), model_facts([model])[model.pk])
    return stage_graph(allowed_by(policy.body), policy.label) if policy else None


def _path(start: Stage, end: Stage) -> str:
    """Return the path between the borders of two boxes. The path between None and Production passes above Staging."""
    (x1, y1), (x2, y2) = _CENTRES[start], _CENTRES[end]
    if {start, end} == {Stage.NONE, Stage.PRODUCTION}:
        lift = 4 if start == Stage.NONE else 14
        top = 50 - _BOX_HEIGHT / 2
        shift = 12 if start == Stage.NONE else -12
        return f"M{x1 + shift} {top:.0f} C{x1 + shift} {lift - 14} {x2 + shift} {lift - 14} {x2 + shift} {top - 2:.0f}"
    length = math.hypot(x2 - x1, y2 - y1)
    nx, ny = -(y2 - y1) / length * _BEND, (x2 - x1) / length * _BEND
    ax, ay = _border(x1, y1, x2, y2)
    bx, by = _border(x2, y2, x1, y1)
    return f"M{ax + nx:.1f} {ay + ny:.1f} L{bx + nx:.1f} {by + ny:.1f}"


def _border(x: float, y: float, to_x: float, to_y: float) -> tuple[float, float]:
    """Return the point at which a line from the middle of a box leaves the box."""
    dx, dy = to_x - x, to_y - y
    reach = min((_BOX_WIDTH / 2 + 4) / abs(dx) if dx else math.inf, (_BOX_HEIGHT / 2 + 4) / abs(dy) if dy else math.inf)
    return x + dx * reach, y + dy * reach
