"""A policy as sentences that somebody who has never seen YAML can read."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
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
    tags = f" tagged {join_words([f'{key}={value}' for key, value in policy.tags.items()])}" if policy.tags else ""
    tiers = f" of risk tier {join_words(policy.tiers, 'or')}" if policy.tiers else ""
    return f"{models}{tags}{tiers}"


def condition_words(condition: Condition) -> str:
    """Return when a rule applies: ``the risk tier is high, and it comes from None``."""
    parts = [f"the risk tier is {join_words(condition.tiers, 'or')}"] if condition.tiers else []
    parts += [f"the model is tagged {key}={value}" for key, value in condition.tags.items()]
    if condition.sources:
        parts.append(f"it comes from {join_words(condition.sources, 'or')}")
    if condition.incumbent is not None:
        parts.append(f"{'another' if condition.incumbent else 'no other'} version would be replaced")
    return join_words(parts) if parts else "always"


def _weight(rule: Rule) -> str:
    if rule.level is RuleLevel.SOFT:
        return f"blocks, unless {join_words(rule.override_by, 'or')} overrides it with a reason"
    return "blocks" if rule.level is RuleLevel.HARD else "advice only"


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
            roles = join_words([_ROLES.get(role, role) for role in rule.roles], "or")
            words = f"Whoever {roles} cannot approve it. Superusers included."
        case CheckRule():
            words = describe_check(rule.check, rule.params)
        case SoakRule():
            words = f"It must have been in {rule.stage} for {duration_text(rule.time)} without a break."
        case FreezeRule():
            spans = join_words(
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
        owners = "; ".join(f"of {owner.models}: {join_words(owner.users)}" for owner in rule.owners)
        said += f" Owners are, {owners}."
    if rule.carry_over:
        said += f" An approval stays good when only {join_words([_CARRIED[part] for part in rule.carry_over], 'or')} changes."
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
        f"In an emergency a member of {join_words(glass.groups, 'or')} may move a version past these rules{second}; "
        f"it is reviewed within {duration_text(glass.post_review_within)} afterwards."
    )


def _voters(rule: ApprovalsRule) -> str:
    groups = [f"the group {join_words(rule.groups, 'or')}"] if rule.groups else []
    roles = [f"those who may {role.replace('_', ' ')} the model" for role in rule.roles]
    return join_words([*groups, *roles, *(["its owners"] if rule.owners else [])], "or")
