"""Policies in plain English: what each rule requires, when it applies, and the options."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from core.text import join_words
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
from validation.catalogue import describe_check

_INVOLVEMENT = {
    "requester": "asked for the move",
    "version_author": "registered the version or sent files of it",
    "run_user": "ran the training or logged to it",
    "card_editor": "edited its model card",
    "check_author": "posted the result of one of its checks",
}
_CARRIED_OVER = {"card": "the model card", "checks": "a check result", "incumbent": "the version it replaces"}
_WHEN_OVERDUE = {"warn": "a warning is shown", "flag": "the version is flagged", "block": "the next move is blocked"}
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


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """One rule: its id, what it requires, the icon of its kind, and whether it blocks.

    ``when`` is the condition under which it applies, "" for always. ``weight`` tells what happens to a version that does
    not meet it.
    """

    rule: str
    text: str
    icon: str
    blocks: bool
    when: str = ""
    weight: str = ""

    @property
    def full_text(self) -> str:
        """Return the rule with its condition and its weight."""
        condition = f" Only if {self.when}." if self.when else ""
        return f"{self.text}{condition} ({self.weight})"


@dataclass(frozen=True, slots=True)
class PolicyDescription:
    """A policy: what it applies to, its rules, and its options."""

    scope: str
    rules: tuple[RuleDescription, ...]
    options: tuple[str, ...]


def describe_policy(body: Mapping[str, object]) -> PolicyDescription:
    """Return the body of a published policy in words."""
    policy = parse_published(body)
    return PolicyDescription(
        scope=f"A version of {_models(policy)} may move to {policy.target} only when every rule below is met.",
        rules=tuple(describe_rule(rule) for rule in policy.rules),
        options=tuple(option_texts(policy.options)),
    )


def describe_rule(rule: Rule) -> RuleDescription:
    """Return one rule in words, with its condition and its weight."""
    when = condition_text(rule.applies_if) if rule.applies_if is not None else ""
    icon = _ICONS.get(type(rule), "rule")
    return RuleDescription(rule.id, rule_text(rule), icon, rule.level == "hard", when, _weight(rule))


def rule_text(rule: Rule) -> str:
    """Return what a rule requires, as a sentence."""
    match rule:
        case ApprovalsRule():
            text = _approvals(rule)
        case FourEyesRule():
            involved = join_words([_INVOLVEMENT.get(role, role) for role in rule.roles], "or")
            text = f"A person who {involved} cannot approve it. This includes superusers."
        case CheckRule():
            text = describe_check(rule.check, rule.params)
        case SoakRule():
            text = f"It must have been in {rule.stage} for {duration_text(rule.time)} without interruption."
        case FreezeRule():
            windows = [f"{window.name} ({_end(window.start)} to {_end(window.end)} UTC)" for window in rule.windows]
            text = f"It cannot move during {join_words(windows, 'or')}."
        case FindingsRule():
            text = f"It must have no open finding of severity {rule.severity.value} or worse."
        case UnusableRule():
            text = f"Never met, because this server cannot apply it ({rule.why})."
        case _:
            text = f"{rule_title(rule)}."
    return text


def condition_text(condition: Condition) -> str:
    """Return when a rule applies: ``the risk tier is high and it comes from None``."""
    parts = [f"the risk tier is {join_words(condition.tiers, 'or')}"] if condition.tiers else []
    parts += [f"the model is tagged {key}={value}" for key, value in condition.tags.items()]
    if condition.sources:
        parts.append(f"it comes from {join_words(condition.sources, 'or')}")
    if condition.incumbent is not None:
        parts.append(f"it would replace {'another' if condition.incumbent else 'no'} version")
    return join_words(parts) if parts else "always"


def option_texts(options: Options) -> Iterator[str]:
    """Yield the options of a policy as sentences, without those that are off."""
    yield f"A request expires when it is not decided within {duration_text(options.expires_after)}."
    if options.rollback_window:
        window = duration_text(options.rollback_window)
        yield f"The version it replaces is kept for a rollback for {window}, then it is archived."
    else:
        yield "The version it replaces is archived at once."
    if options.apply_delay:
        yield f"An approved version moves after {duration_text(options.apply_delay)}."
    if options.remind_every:
        yield f"Reviewers are reminded every {duration_text(options.remind_every)}."
    if options.e_signature:
        yield "Reviews need an electronic signature: the reviewer's password and what the signature means."
    if options.re_review:
        yield _re_review(options.re_review)
    yield _rollback(options)
    yield _break_glass(options.break_glass)


def _models(policy: PolicyBody) -> str:
    models = "any model" if policy.models == "*" else f"a model whose name matches “{policy.models}”"
    tags = f" tagged {join_words([f'{key}={value}' for key, value in policy.tags.items()])}" if policy.tags else ""
    tiers = f" of risk tier {join_words(policy.tiers, 'or')}" if policy.tiers else ""
    return f"{models}{tags}{tiers}"


def _weight(rule: Rule) -> str:
    match rule.level:
        case RuleLevel.SOFT:
            return f"blocks unless {join_words(rule.override_by, 'or')} overrides it with a reason"
        case RuleLevel.HARD:
            return "blocks"
        case _:
            return "advice only"


def _end(text: str) -> str:
    """Return an end of a freeze window: an ISO time to the minute in UTC, anything else as it is."""
    if "T" not in text:
        return text
    moment = datetime.datetime.fromisoformat(text)
    return f"{moment.astimezone(datetime.UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M}"


def _approvals(rule: ApprovalsRule) -> str:
    people = "One person" if rule.count == 1 else f"{rule.count} people"
    distinct = ", each for another group," if rule.distinct_groups else ""
    text = f"{people} of {_reviewers(rule)}{distinct} must approve it, with a comment."
    if rule.owners:
        owners = "; ".join(f"of {owner.models}: {join_words(owner.users)}" for owner in rule.owners)
        text += f" The owners are, {owners}."
    if rule.carry_over:
        parts = join_words([_CARRIED_OVER[part] for part in rule.carry_over], "or")
        text += f" An approval stays valid when only {parts} changes."
    return text


def _reviewers(rule: ApprovalsRule) -> str:
    groups = [f"the group {join_words(rule.groups, 'or')}"] if rule.groups else []
    roles = [f"those who may {role.replace('_', ' ')} the model" for role in rule.roles]
    return join_words([*groups, *roles, *(["its owners"] if rule.owners else [])], "or")


def _re_review(option: ReReviewOption) -> str:
    every, overdue = duration_text(option.every), _WHEN_OVERDUE[option.when_due]
    return f"The version in place needs a re-review every {every}. When it is overdue, {overdue}."


def _rollback(options: Options) -> str:
    within = f" within {duration_text(options.rollback_within)} of leaving" if options.rollback_within else ""
    text = f"A version that was there before can be rolled back to{within}, if its files are unchanged."
    return f"{text} {_approvals(options.rollback_approvals)}" if options.rollback_approvals else text


def _break_glass(option: BreakGlass | None) -> str:
    if option is None:
        return "This policy does not allow break-glass."
    second = " if a second member agrees" if option.second_person else ""
    return (
        f"In an emergency a member of {join_words(option.groups, 'or')} can break the glass{second}: the version moves "
        f"without these rules, and the move must be reviewed within {duration_text(option.post_review_within)}."
    )
