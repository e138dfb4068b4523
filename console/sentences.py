"""A policy as sentences that somebody who has never seen YAML can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from approvals.policies import parse_policy
from approvals.rules import ApprovalsRule, CheckRule, FourEyesRule, Rule
from registry.cards.templates import BY_TIER, PLAIN, find_template

_FULL = 100

_ROLES = {
    "requester": "asked for the move",
    "version_author": "registered the version",
    "run_user": "ran the training",
    "card_editor": "edited its model card",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One rule: its id, what it demands, the icon of its kind, and whether it blocks."""

    rule: str
    text: str
    icon: str
    blocks: bool


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A revision in words."""

    scope: str
    rules: tuple[Sentence, ...]
    options: tuple[str, ...]


def policy_sentences(body: Mapping[str, object]) -> PolicyText:
    """Return what a policy's body demands, in words."""
    policy = parse_policy(body)
    models = "any model" if policy.models == "*" else f"a model whose name matches “{policy.models}”"
    return PolicyText(
        scope=f"A version of {models} may move to {policy.target} only when every rule below is met.",
        rules=tuple(Sentence(rule.id, sentence_of(rule), _icon(rule), rule.level == "hard") for rule in policy.rules),
        options=(
            f"A request that is not decided expires after {_hours(policy.expires_after.total_seconds())}.",
            f"The version it replaces stays warm for {_hours(policy.rollback_window.total_seconds())}, then it is archived.",
        ),
    )


def join(words: Sequence[str], last: str = "and") -> str:
    """Return words as people list them: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "nobody"


def _hours(seconds: float) -> str:
    hours = round(seconds / 3600)
    return f"{hours // 24} days" if hours >= 48 and hours % 24 == 0 else f"{hours} hour{'' if hours == 1 else 's'}"  # noqa: PLR2004 - two days


def _icon(rule: Rule) -> str:
    if isinstance(rule, CheckRule):
        return "fact_check"
    return "how_to_reg" if isinstance(rule, ApprovalsRule) else "visibility"


def sentence_of(rule: Rule) -> str:
    """Return what a rule demands, in words."""
    if isinstance(rule, ApprovalsRule):
        people = "one person" if rule.count == 1 else f"{rule.count} people"
        return f"{people.capitalize()} of the group {join(rule.groups, 'or')} must approve it, with a comment."
    if isinstance(rule, FourEyesRule):
        return f"Whoever {join([_ROLES.get(role, role) for role in rule.roles], 'or')} cannot approve it. Superusers included."
    describe = _CHECKS.get(rule.check)
    return describe(rule.params) if describe else f"The check {rule.check} must pass."


def _tags(params: Mapping[str, object]) -> str:
    tags = params.get("tags")
    names = [str(tag) for tag in tags] if isinstance(tags, (list, tuple)) else []
    return f"Its run must say where it comes from: the tag{'s' if len(names) > 1 else ''} {join(names)}."


def _card(params: Mapping[str, object]) -> str:
    name, least = str(params.get("template", PLAIN)), params.get("min_score", _FULL)
    how = "complete" if least == _FULL else f"filled to at least {least} %"
    if name == PLAIN:
        return f"Its model card must be {how}."
    by = "the template of the model's risk tier" if name == BY_TIER else f"the template {find_template(name).title}"
    return f"Its model card must be {how}, by {by}."


def _no_regression(params: Mapping[str, object]) -> str:
    metric, tolerance = params.get("metric", "the metric"), params.get("tolerance", 0)
    return f"{metric} must not be worse than current Production by more than {tolerance}."


_CHECKS: dict[str, Callable[[Mapping[str, object]], str]] = {
    "lineage.required_tags": _tags,
    "artifact.digest_matches": lambda _: "Its files must still be, byte for byte, the files that were registered.",
    "artifact.scan": lambda _: "Its files must load nothing outside the list of allowed code.",
    "card.complete": _card,
    "metric.no_regression": _no_regression,
}
