"""Policies in plain English: what each rule requires, when it applies, and the options."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from console.policies.presenters.stage_graph import StageGraph, stage_graph
from core.text import english_list
from policies.parsing import parse_published
from policies.rule_texts import duration_text, rule_title
from policies.rules import (
    DEVICE_PASSKEY,
    ApprovalsRule,
    AttestedRule,
    BreakGlass,
    CheckRule,
    Condition,
    EarlierApprovalRule,
    FindingsRule,
    FourEyesRule,
    FreezeRule,
    Options,
    PolicyBody,
    ReasonRule,
    ReReviewOption,
    Rule,
    RuleLevel,
    SoakRule,
    TransitionsRule,
    UnusableRule,
)
from policies.targets import REGISTRATION, TRANSITIONS, left_by
from policies.transitions import allowed_by
from validation.catalogue import describe_check

_INVOLVEMENT = {
    "requester": "requested the move",
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
    AttestedRule: "task_alt",
    ReasonRule: "edit_note",
    TransitionsRule: "schema",
    UnusableRule: "report",
}


@dataclass(frozen=True, slots=True)
class RuleDescription:
    """One rule. ``text`` is its requirement, ``icon`` the icon of its kind. ``blocks`` is true for a hard rule.

    ``when`` is the condition under which it applies, "" for always. ``weight`` says whether an unmet rule blocks.
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
    """A policy: its scope, its rules, its options, and the picture of its transitions (None for other policies)."""

    scope: str
    rules: tuple[RuleDescription, ...]
    options: tuple[str, ...]
    graph: StageGraph | None = None


def describe_policy(body: Mapping[str, object]) -> PolicyDescription:
    """Return the body of a published policy as text."""
    policy = parse_published(body)
    return PolicyDescription(
        scope=_scope(policy),
        rules=tuple(describe_rule(rule) for rule in policy.rules),
        options=tuple(option_texts(policy.options)),
        graph=stage_graph(allowed_by(policy)) if policy.target == TRANSITIONS else None,
    )


def _scope(policy: PolicyBody) -> str:
    """Return the scope of the policy, as a sentence."""
    if policy.target == TRANSITIONS:
        return (
            f"A version of {_models(policy)} may go from one stage to another only as drawn here, by every interface."
        )
    if policy.target == REGISTRATION:
        return (
            f"A version of {_models(policy)} may be registered only when every rule below is met, by every interface."
        )
    if left_target := left_by(policy.target):
        return f"A version of {_models(policy)} may leave {left_target} without a successor only when every rule below is met."
    return f"A version of {_models(policy)} may move to {policy.target} only when every rule below is met."


def describe_rule(rule: Rule) -> RuleDescription:
    """Return one rule as text, with its condition and its weight."""
    when = condition_text(rule.applies_if) if rule.applies_if is not None else ""
    icon = _ICONS.get(type(rule), "rule")
    return RuleDescription(rule.id, rule_text(rule), icon, rule.level == "hard", when, _weight(rule))


def rule_text(rule: Rule) -> str:
    """Return the requirement of a rule, as a sentence."""
    match rule:
        case ApprovalsRule():
            text = _approvals(rule)
        case FourEyesRule():
            involved = english_list([_INVOLVEMENT.get(role, role) for role in rule.roles], "or")
            text = f"A person who {involved} cannot approve it. This includes superusers."
        case CheckRule():
            text = describe_check(rule.check, rule.params)
        case SoakRule():
            text = f"It must have been in {rule.stage} for {duration_text(rule.time)} without interruption."
        case FreezeRule():
            windows = [f"{window.name} ({_end(window.start)} to {_end(window.end)} UTC)" for window in rule.windows]
            text = f"It cannot move during {english_list(windows, 'or')}."
        case FindingsRule():
            text = f"It must have no open finding of severity {rule.severity.value} or worse."
        case UnusableRule():
            text = f"Never met, because this server cannot apply it ({rule.why})."
        case _:
            text = f"{rule_title(rule)}."
    return text


def condition_text(condition: Condition) -> str:
    """Return the condition under which a rule applies: ``the risk tier is high and it comes from None``."""
    parts = [f"the risk tier is {english_list(condition.tiers, 'or')}"] if condition.tiers else []
    parts += [f"the model is tagged {key}={value}" for key, value in condition.tags.items()]
    if condition.sources:
        parts.append(f"it comes from {english_list(condition.sources, 'or')}")
    if condition.deployed is not None:
        parts.append(f"{'a' if condition.deployed else 'no'} deployment serves it, or did lately")
    if condition.incumbent is not None:
        parts.append(f"it would replace {'another' if condition.incumbent else 'no'} version")
    return english_list(parts) if parts else "always"


def option_texts(options: Options) -> Iterator[str]:
    """Yield the options of a policy as sentences, without those that are off."""
    yield f"A request expires when it is not decided within {duration_text(options.expires_after)}."
    if options.rollback_window:
        window = duration_text(options.rollback_window)
        yield f"The version it replaces stays available for a rollback for {window}, then it is archived."
    else:
        yield "The version it replaces is archived at once."
    if options.apply_delay:
        yield f"An approved version moves after {duration_text(options.apply_delay)}."
    if options.remind_every:
        yield f"Reviewers are reminded every {duration_text(options.remind_every)}."
    if options.new_account_window:
        window = duration_text(options.new_account_window)
        yield (
            f"An approval does not count if, within {window} before it, somebody involved created the reviewer's "
            "account, gave it a group or set its password."
        )
    if options.e_signature:
        yield "Reviews need an electronic signature: the reviewer's password and what the signature means."
    if options.signed_by:
        which = ", one that stays on one device" if options.signed_by == DEVICE_PASSKEY else ""
        yield f"Approvals, overrides and requests for break-glass must be signed with the person's passkey{which}."
    if options.re_review:
        yield _re_review(options.re_review)
    yield _rollback(options)
    yield _break_glass(options.break_glass)


def _models(policy: PolicyBody) -> str:
    models = "any model" if policy.models == "*" else f"a model whose name matches “{policy.models}”"
    tags = f" tagged {english_list([f'{key}={value}' for key, value in policy.tags.items()])}" if policy.tags else ""
    tiers = f" of risk tier {english_list(policy.tiers, 'or')}" if policy.tiers else ""
    return f"{models}{tags}{tiers}"


def _weight(rule: Rule) -> str:
    match rule.level:
        case RuleLevel.SOFT:
            return f"blocks unless {english_list(rule.override_by, 'or')} overrides it with a reason"
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
        owners = "; ".join(f"{english_list(owner.users)} for {owner.models}" for owner in rule.owners)
        text += f" Its owners are {owners}."
    if rule.carry_over:
        parts = english_list([_CARRIED_OVER[part] for part in rule.carry_over], "or")
        text += f" An approval stays valid when only {parts} changes."
    return text


def _reviewers(rule: ApprovalsRule) -> str:
    groups = [f"the group {english_list(rule.groups, 'or')}"] if rule.groups else []
    roles = [f"those who may {role.replace('_', ' ')} the model" for role in rule.roles]
    return english_list([*groups, *roles, *(["its owners"] if rule.owners else [])], "or")


def _re_review(option: ReReviewOption) -> str:
    every, overdue = duration_text(option.every), _WHEN_OVERDUE[option.when_due]
    return f"A version that has moved needs a re-review every {every}. When it is overdue, {overdue}."


def _rollback(options: Options) -> str:
    within = f" within {duration_text(options.rollback_within)} of leaving" if options.rollback_within else ""
    text = f"The model can be rolled back to an earlier version{within}, if the files of that version are unchanged."
    return f"{text} {_approvals(options.rollback_approvals)}" if options.rollback_approvals else text


def _break_glass(option: BreakGlass | None) -> str:
    if option is None:
        return "This policy does not allow break-glass."
    second = " if a second member agrees" if option.second_person else ""
    return (
        f"In an emergency a member of {english_list(option.groups, 'or')} can use break-glass{second}: the version moves "
        f"without these rules, and the move must be reviewed within {duration_text(option.post_review_within)}."
    )
