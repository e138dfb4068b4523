"""A policy as sentences that somebody who has never seen YAML can read."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from policies.parsing import parse_published
from policies.rules import (
    ApprovalsRule,
    BreakGlass,
    CheckRule,
    Condition,
    EarlierApprovalRule,
    FindingsRule,
    FourEyesRule,
    FreezeRule,
    Options,
    PolicyBody,
    ReReviewOption,
    Rule,
    RuleLevel,
    SoakRule,
    UnusableRule,
    duration_text,
    rule_title,
)
from registry.cards.templates import BY_TIER, PLAIN, find_template
from validation.checks.lineage import DEFAULT_TAGS

_FULL = 100

_ROLES = {
    "requester": "asked for the move",
    "version_author": "registered the version or sent files of it",
    "run_user": "ran the training or logged to it",
    "card_editor": "edited its model card",
    "check_author": "posted the result of one of its checks",
}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One rule: its id, what it demands, the icon of its kind, and whether it blocks.

    ``when`` says when it applies ("" always), ``weight`` what becomes of a version that does not meet it.
    """

    rule: str
    text: str
    icon: str
    blocks: bool
    when: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A revision in words."""

    scope: str
    rules: tuple[Sentence, ...]
    options: tuple[str, ...]


def policy_sentences(body: Mapping[str, object]) -> PolicyText:
    """Return what a policy's body demands, in words."""
    policy = parse_published(body)
    return PolicyText(
        scope=f"A version of {_models(policy)} may move to {policy.target} only when every rule below is met.",
        rules=tuple(rule_sentence(rule) for rule in policy.rules),
        options=option_sentences(policy.options),
    )


def rule_sentence(rule: Rule) -> Sentence:
    """Return one rule in words, with when it applies and what it weighs."""
    when = condition_words(rule.applies_if) if rule.applies_if is not None else ""
    return Sentence(rule.id, sentence_of(rule), _icon(rule), rule.level == "hard", when, _weight(rule))


def _models(policy: PolicyBody) -> str:
    models = "any model" if policy.models == "*" else f"a model whose name matches “{policy.models}”"
    tags = f" tagged {join([f'{key}={value}' for key, value in policy.tags.items()])}" if policy.tags else ""
    tiers = f" of risk tier {join(policy.tiers, 'or')}" if policy.tiers else ""
    return f"{models}{tags}{tiers}"


def condition_words(condition: Condition) -> str:
    """Return when a rule applies: ``the risk tier is high, and it comes from None``."""
    parts = [f"the risk tier is {join(condition.tiers, 'or')}"] if condition.tiers else []
    parts += [f"the model is tagged {key}={value}" for key, value in condition.tags.items()]
    if condition.sources:
        parts.append(f"it comes from {join(condition.sources, 'or')}")
    if condition.incumbent is not None:
        parts.append(f"{'another' if condition.incumbent else 'no other'} version would be replaced")
    return join(parts) if parts else "always"


def _weight(rule: Rule) -> str:
    if rule.level is RuleLevel.SOFT:
        return f"blocks, unless {join(rule.override_by, 'or')} overrides it with a reason"
    return "blocks" if rule.level is RuleLevel.HARD else "advice only"


def join(words: Sequence[str], last: str = "and") -> str:
    """Return words as people list them: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "nobody"


_ICONS: dict[type[object], str] = {
    CheckRule: "fact_check",
    ApprovalsRule: "how_to_reg",
    FourEyesRule: "visibility",
    SoakRule: "hourglass_bottom",
    FreezeRule: "ac_unit",
    FindingsRule: "report",
    EarlierApprovalRule: "history",
    UnusableRule: "report",
}


def _icon(rule: Rule) -> str:
    return _ICONS.get(type(rule), "rule")


def sentence_of(rule: Rule) -> str:
    """Return what a rule demands, in words."""
    match rule:
        case ApprovalsRule():
            words = _approvals(rule)
        case FourEyesRule():
            roles = join([_ROLES.get(role, role) for role in rule.roles], "or")
            words = f"Whoever {roles} cannot approve it. Superusers included."
        case CheckRule():
            describe = _CHECKS.get(rule.check)
            words = describe(rule.params) if describe else f"The check {rule.check} must pass."
        case SoakRule():
            words = f"It must have been in {rule.stage} for {duration_text(rule.time)} without a break."
        case FreezeRule():
            spans = join(
                [f"{window.name} ({_end(window.start)} to {_end(window.end)} UTC)" for window in rule.windows], "or"
            )
            words = f"It does not move during {spans}."
        case FindingsRule():
            words = f"No finding of severity {rule.severity.value} or worse may be open on it."
        case UnusableRule():
            words = f"Never met: this server cannot apply it ({rule.why})."
        case _:
            words = f"{rule_title(rule)}."
    return words


def _end(text: str) -> str:
    """Return an end of a window as people write it: of an ISO time the day and the minute, in UTC."""
    if "T" not in text:
        return text
    moment = datetime.datetime.fromisoformat(text)
    return f"{moment.astimezone(datetime.UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M}"


def _approvals(rule: ApprovalsRule) -> str:
    people = "one person" if rule.count == 1 else f"{rule.count} people"
    distinct = ", each for another group," if rule.distinct_groups else ""
    said = f"{people.capitalize()} of {_voters(rule)}{distinct} must approve it, with a comment."
    if rule.owners:
        owners = "; ".join(f"of {owner.models}: {join(owner.users)}" for owner in rule.owners)
        said += f" Owners are, {owners}."
    if rule.carry_over:
        said += f" An approval stays good when only {join([_CARRIED[part] for part in rule.carry_over], 'or')} changes."
    return said


_CARRIED = {"card": "the model card", "checks": "a check's result", "incumbent": "the version it replaces"}


def option_sentences(options: Options) -> tuple[str, ...]:
    """Return what a policy says besides its rules, in words; what is left at "no" is not mentioned."""
    said = [
        f"A request that is not decided expires after {duration_text(options.expires_after)}.",
        f"The version it replaces stays warm for {duration_text(options.rollback_window)}, then it is archived."
        if options.rollback_window
        else "The version it replaces is archived at once.",
    ]
    if options.apply_delay:
        said.append(f"Once approved it waits for {duration_text(options.apply_delay)} before it moves.")
    if options.remind_every:
        said.append(f"Its reviewers are reminded every {duration_text(options.remind_every)}.")
    if options.e_signature:
        said.append("An approval is signed: the reviewer gives the password again and says what the signature means.")
    if options.re_review:
        said.append(_re_review(options.re_review))
    return (*said, _rollback(options), _break_glass(options.break_glass))


def _re_review(again: ReReviewOption) -> str:
    late = {"warn": "a warning is shown", "flag": "the version is flagged", "block": "the next move is blocked"}
    return f"What is in place is reviewed again every {duration_text(again.every)}; when that is overdue, {late[again.when_due]}."


def _rollback(options: Options) -> str:
    within = f" within {duration_text(options.rollback_within)} of leaving" if options.rollback_within else ""
    asked = options.rollback_approvals
    people = f", and {_approvals(asked)[0].lower()}{_approvals(asked)[1:-1]}" if asked else ""
    return f"Going back to a version that was there before is possible{within}, its files unchanged{people}."


def _break_glass(glass: BreakGlass | None) -> str:
    if glass is None:
        return "There is no way past these rules, not in an emergency either."
    second = ", when a second one of them agrees" if glass.second_person else ""
    return (
        f"In an emergency a member of {join(glass.groups, 'or')} may move a version past these rules{second}; "
        f"it is reviewed within {duration_text(glass.post_review_within)} afterwards."
    )


def _tags(params: Mapping[str, object]) -> str:
    tags = params.get("tags", DEFAULT_TAGS)
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
