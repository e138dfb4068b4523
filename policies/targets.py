"""Targets of policies and of requests, as strings. Pure functions.

The target of a policy is a stage or an @alias that versions enter, `leaves TARGET`, `transitions` (the allowed moves
between stages) or `registration` (what a new version needs). The target of a request is the stage or @alias that the
version is to enter, `-NAME` to remove the alias NAME, or, for the current Production version, None or Archived.
"""

from __future__ import annotations

from core.errors import InvalidInput
from registry.names import check_alias
from registry.stages import Stage, removed_alias

GOVERNED_STAGES = (Stage.STAGING.value, Stage.PRODUCTION.value)
TRANSITIONS = "transitions"
REGISTRATION = "registration"
# Targets of policies that no request has. These policies are applied directly, without a request.
WITHOUT_REQUESTS = (TRANSITIONS, REGISTRATION)
EXIT_STAGES = (Stage.NONE.value, Stage.ARCHIVED.value)
MAX_TARGET = 256
_LEAVES = "leaves "


def is_alias(target: str) -> bool:
    """Return whether a target is a well-formed alias: `@` and its name."""
    if not target.startswith("@"):
        return False
    try:
        check_alias(target[1:])
    except InvalidInput:
        return False
    return True


def is_governable(target: str) -> bool:
    """Return whether a policy can govern moves to this target: Staging, Production or an alias (`@champion`)."""
    return target in GOVERNED_STAGES or is_alias(target)


def is_exit(target: str) -> bool:
    """Return whether a move to this target only leaves another target: None, Archived, or the removal of an alias."""
    return target in EXIT_STAGES or is_alias(f"@{removed_alias(target)}")


def leave_target(target: str) -> str:
    """Return the target of policies on leaving a stage or alias: `leaves Production`."""
    return f"{_LEAVES}{target}"


def left_by(target: str) -> str:
    """Return the stage or alias of a target `leaves …`, "" for any other target."""
    return target.removeprefix(_LEAVES) if target.startswith(_LEAVES) else ""


def is_leavable(target: str) -> bool:
    """Return whether there can be a policy on leaving this target: it is Production or an alias."""
    return target == Stage.PRODUCTION or (is_alias(target) and len(leave_target(target)) <= MAX_TARGET)


def exits_of(target: str) -> tuple[str, ...]:
    """Return the targets of requests that only a policy with this target governs; () for transitions and registration.

    For a policy on leaving they are the exits: None and Archived, or the removal of the alias.
    """
    if target in WITHOUT_REQUESTS:
        return ()
    left_target = left_by(target)
    if not left_target:
        return (target,)
    return EXIT_STAGES if left_target == Stage.PRODUCTION else (f"-{left_target[1:]}",)


def target_text(target: str) -> str:
    """Return a request's target as text: `Production`, `@champion`, `no longer @champion`."""
    alias = removed_alias(target)
    return f"no longer @{alias}" if alias else target


def move_text(target: str) -> str:
    """Return a move of a version as a verb phrase: `move this version to Staging`, `archive this version`."""
    if alias := removed_alias(target):
        return f"remove @{alias} from this version"
    if target == Stage.ARCHIVED:
        return "archive this version"
    return "remove this version from its stage" if target == Stage.NONE else f"move this version to {target}"


def moved_text(target: str) -> str:
    """Return a move that was made, as the end of a sentence about the version: `moved to Staging`, `was archived`."""
    if alias := removed_alias(target):
        return f"no longer has @{alias}"
    if target == Stage.ARCHIVED:
        return "was archived"
    return "was removed from its stage" if target == Stage.NONE else f"moved to {target}"
