"""Differences between two bodies of a policy: by rule, in scope and options, and as text. Pure functions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from enum import StrEnum

from policies.rule_texts import duration_text
from policies.rules import ApprovalsRule, Options, PolicyBody, Rule, RuleLevel
from policies.yaml_text import write_policy

_WEIGHT = {RuleLevel.ADVISORY: 0, RuleLevel.SOFT: 1, RuleLevel.HARD: 2}


class Effect(StrEnum):
    """The effect of a change of a rule: tighter, looser, or `open` if the change alone does not show it."""

    TIGHTER = "tighter"
    LOOSER = "looser"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is added (``before`` is None), removed (``after`` is None) or changed."""

    before: Rule | None
    after: Rule | None
    effect: Effect

    @property
    def kind(self) -> str:
        """Return the kind of the change: `added`, `removed` or `changed`."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    @property
    def rule(self) -> str:
        """Return the rule's id."""
        rule = self.after or self.before
        return rule.id if rule else ""


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A changed value of the scope or the options, as text."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PolicyDiff:
    """All differences between two bodies. ``is_new``: there was no body before."""

    rules: tuple[RuleChange, ...]
    values: tuple[ValueChange, ...]
    is_new: bool = False

    @property
    def is_empty(self) -> bool:
        """Return whether the bodies are the same."""
        return not self.rules and not self.values and not self.is_new


def diff_policies(before: PolicyBody | None, after: PolicyBody) -> PolicyDiff:
    """Return the differences from one body to another. Without ``before`` every rule counts as added."""
    old = {rule.id: rule for rule in before.rules} if before else {}
    new = {rule.id: rule for rule in after.rules}
    rules = [
        RuleChange(old.get(name), new.get(name), _effect(old.get(name), new.get(name)))
        for name in [*new, *(name for name in old if name not in new)]
        if old.get(name) != new.get(name)
    ]
    return PolicyDiff(tuple(rules), tuple(_values(before, after)) if before else (), is_new=before is None)


def diff_text(before: Mapping[str, object] | None, after: Mapping[str, object]) -> list[str]:
    """Return the lines of a unified diff of both bodies as YAML, without its header; three lines of context."""
    old = write_policy(before).splitlines() if before else []
    return list(difflib.unified_diff(old, write_policy(after).splitlines(), lineterm="", n=3))[2:]


def _effect(before: Rule | None, after: Rule | None) -> Effect:
    if before is None or after is None:
        rule = after or before
        if rule is None or rule.level is RuleLevel.ADVISORY:
            return Effect.OPEN
        return Effect.TIGHTER if before is None else Effect.LOOSER
    if replace(after, level=before.level, override_by=before.override_by) == before:
        return _effect_of_difference(_WEIGHT[after.level] - _WEIGHT[before.level])
    if isinstance(before, ApprovalsRule) and isinstance(after, ApprovalsRule):
        return (
            _effect_of_difference(after.count - before.count)
            if replace(after, count=before.count) == before
            else Effect.OPEN
        )
    return Effect.OPEN


def _effect_of_difference(difference: int) -> Effect:
    if difference == 0:
        return Effect.OPEN
    return Effect.TIGHTER if difference > 0 else Effect.LOOSER


def _values(before: PolicyBody, after: PolicyBody) -> Iterator[ValueChange]:
    for name, old, new in (
        ("target", before.target, after.target),
        ("models", before.models, after.models),
        ("tags", before.tags, after.tags),
        ("risk tiers", before.tiers or "any", after.tiers or "any"),
    ):
        if old != new:
            yield ValueChange(name, value_text(old), value_text(new))
    for field in fields(Options):
        old, new = getattr(before.options, field.name), getattr(after.options, field.name)
        if old != new:
            yield ValueChange(field.name.replace("_", " "), value_text(old), value_text(new))


def value_text(value: object) -> str:
    """Return a value of a policy as text: `14 days`, `yes`, `a, b`."""
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={part}" for key, part in value.items()) or "none"
    if isinstance(value, tuple):
        return ", ".join(value_text(item) for item in value) or "none"
    if is_dataclass(value) and not isinstance(value, type):
        parts = ((field.name, getattr(value, field.name)) for field in fields(value))
        return "; ".join(
            f"{name.replace('_', ' ')} {value_text(part)}" for name, part in parts if part not in (None, ())
        )
    return "none" if value is None else str(value)
