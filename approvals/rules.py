"""What a policy is made of: its rules as frozen values, each with a sentence for people. No database here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Level(StrEnum):
    """How much a rule weighs: a hard rule blocks, an advisory one is shown."""

    HARD = "hard"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True)
class CheckRule:
    """A validation check must have passed; ``params`` are the check's own."""

    id: str
    level: Level
    check: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ApprovalsRule:
    """``count`` people of ``groups`` (any of them) must approve."""

    id: str
    level: Level
    count: int
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FourEyesRule:
    """Nobody in one of ``roles`` counts as an approver."""

    id: str
    level: Level
    roles: tuple[str, ...]


Rule = CheckRule | ApprovalsRule | FourEyesRule


@dataclass(frozen=True, slots=True)
class PolicyBody:
    """A parsed policy. It governs moves to ``target`` of the models whose name matches ``models`` (fnmatch, case counts).

    A request lives for ``expires_after``; a version it supersedes in Production stays there for ``rollback_window``.
    """

    name: str
    target: str
    models: str
    rules: tuple[Rule, ...]
    expires_after: timedelta
    rollback_window: timedelta


def kind_of(rule: Rule) -> str:
    """Return the word for the kind of a rule: check, approvals or four_eyes."""
    if isinstance(rule, CheckRule):
        return "check"
    return "approvals" if isinstance(rule, ApprovalsRule) else "four_eyes"


def title_of(rule: Rule) -> str:
    """Return the rule as a short sentence."""
    if isinstance(rule, CheckRule):
        return f"{rule.check} passes"
    if isinstance(rule, ApprovalsRule):
        return f"{rule.count} of {' or '.join(rule.groups)} approve{'s' if rule.count == 1 else ''}"
    return f"Nobody decides on their own work ({', '.join(role.replace('_', ' ') for role in rule.roles)})"
