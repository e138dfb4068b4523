"""Targets of policies and of requests, as strings. Pure functions.

A policy has as its target a stage or an @alias that a version enters, `leaves PLACE`, `transitions` (which moves exist)
or `registration` (what a new version needs). A request has the stage or @alias that the version is to enter; a current
Production version may also ask for None and Archived, and `-NAME` removes the alias NAME.
"""

from __future__ import annotations

from core.errors import InvalidInput
from registry.names import check_alias
from registry.stages import Stage, removed_alias

GOVERNED_STAGES = (Stage.STAGING.value, Stage.PRODUCTION.value)
TRANSITIONS = "transitions"
REGISTRATION = "registration"
# Targets that no request has: a policy with one is asked directly.
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
    """Return whether a request to this target can only leave something: None, Archived, or the removal of an alias."""
    return target in EXIT_STAGES or is_alias(f"@{removed_alias(target)}")


def leave_target(place: str) -> str:
    """Return the target of policies on leaving a stage or alias: `leaves Production`."""
    return f"{_LEAVES}{place}"


def left_by(target: str) -> str:
    """Return the stage or alias that a policy on leaving is about, "" for a target that versions enter."""
    return target.removeprefix(_LEAVES) if target.startswith(_LEAVES) else ""


def is_leavable(place: str) -> bool:
    """Return whether a policy can be about leaving this stage or alias: Production, or any alias."""
    return place == Stage.PRODUCTION or (is_alias(place) and len(leave_target(place)) <= MAX_TARGET)


def exits_of(target: str) -> tuple[str, ...]:
    """Return the targets of requests that a policy with this target judges alone; none for one on transitions or
    registration.
    """
    if target in WITHOUT_REQUESTS:
        return ()
    place = left_by(target)
    if not place:
        return (target,)
    return EXIT_STAGES if place == Stage.PRODUCTION else (f"-{place[1:]}",)


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
