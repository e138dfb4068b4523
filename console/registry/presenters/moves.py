"""Texts of the buttons and dialogs for moves of a version between stages."""

from __future__ import annotations

from registry.models import ModelVersion
from registry.stages import Stage, Transition


def move_button(edge: Transition, version: ModelVersion) -> str:
    """Return the label of the button of a move: ``Archive version 2``."""
    match edge.target:
        case Stage.PRODUCTION:
            return "Promote to Production"
        case Stage.STAGING:
            return "Move to Staging"
        case Stage.ARCHIVED:
            return f"Archive version {version.version}"
        case _:
            return "Remove from its stage"


def move_title(edge: Transition, version: ModelVersion) -> str:
    """Return the title of the dialog of a move, with the version's name."""
    match edge.target:
        case Stage.PRODUCTION:
            return f"Promote {version} to Production"
        case Stage.STAGING:
            return f"Move {version} to Staging"
        case Stage.ARCHIVED:
            return f"Archive {version}"
        case _:
            return f"Remove {version} from {edge.source.value}"


def move_consequence(edge: Transition, version: ModelVersion) -> str:
    """Return the consequence of a move as text, "" where it has none to warn of."""
    if edge.gated:
        return (
            "If a policy applies, this opens a request: checks run, and reviewers decide. Otherwise the version moves."
        )
    return "No version will be in Production." if version.is_current else ""
