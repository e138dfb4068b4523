"""A policy as sentences that somebody who has never seen YAML can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from approvals.policies import parse_policy
from approvals.rules import ApprovalsRule, CheckRule, FourEyesRule, Rule, title_of
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
            f"A request that is not decided expires after {_hours(policy.options.expires_after.total_seconds())}.",
            f"The version it replaces stays warm for {_hours(policy.options.rollback_window.total_seconds())}, then it is archived.",
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
        return f"{people.capitalize()} of {_voters(rule)} must approve it, with a comment."
    if not isinstance(rule, CheckRule | FourEyesRule):
        return f"{title_of(rule)}."
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
    surely = ", and surely so (by its confidence interval)" if params.get("decide_by") == "interval" else ""
    return f"{metric} must not be worse than current Production by more than {tolerance}{surely}."


def _complete(params: Mapping[str, object]) -> str:
    parts = params.get("require", ("code", "data", "environment"))
    names = [str(part) for part in parts] if isinstance(parts, (list, tuple)) else []
    return f"It must be known what it was trained with: {join(names)}."


def _threshold(params: Mapping[str, object]) -> str:
    limits = [f"at least {params['at_least']}"] if params.get("at_least") is not None else []
    limits += [f"at most {params['at_most']}"] if params.get("at_most") is not None else []
    return f"{params.get('metric', 'The metric')} must be {join(limits)}."


def _slices(params: Mapping[str, object]) -> str:
    words = {
        "at_least": "no slice below {}",
        "at_most": "no slice above {}",
        "max_gap": "no two slices further apart than {}",
        "min_ratio": "no slice less than {} of another",
    }
    limits = [text.format(params[name]) for name, text in words.items() if params.get(name) is not None]
    return f"{params.get('metric', 'val_accuracy')} over groups of rows: {join(limits)}."


def _signature(params: Mapping[str, object]) -> str:
    stays = (
        "" if params.get("compatible_with", "nothing") == "nothing" else ", and callers of Production can go on calling"
    )
    return f"The model must say what columns it takes and answers with{stays}."


def _external(params: Mapping[str, object]) -> str:
    keys = params.get("keys")
    names = [str(key) for key in keys] if isinstance(keys, (list, tuple)) else []
    return (
        f"“{params.get('name', 'A result')}” must have been posted as passed, signed with the key {join(names, 'or')}."
    )


def _voters(rule: ApprovalsRule) -> str:
    groups = [f"the group {join(rule.groups, 'or')}"] if rule.groups else []
    roles = [f"those who may {role.replace('_', ' ')} the model" for role in rule.roles]
    return join([*groups, *roles, *(["its owners"] if rule.owners else [])], "or")


_CHECKS: dict[str, Callable[[Mapping[str, object]], str]] = {
    "lineage.required_tags": _tags,
    "artifact.digest_matches": lambda _: "Its files must still be, byte for byte, the files that were registered.",
    "artifact.scan": lambda _: "Its files must load nothing outside the list of allowed code.",
    "card.complete": _card,
    "external": _external,
    "lineage.complete": _complete,
    "lineage.not_quarantined": lambda _: "No dataset version that it descends from may be quarantined.",
    "metric.no_regression": _no_regression,
    "metric.slices": _slices,
    "metric.threshold": _threshold,
    "model.signature": _signature,
    "model.smoke": lambda _: "It must load and answer on its input example, in a sandbox.",
}
