"""Parsing the body of a policy (plain JSON or YAML values) into frozen dataclasses. Reports all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from core.errors import InvalidInput
from policies.rule_parsing import (
    NAME,
    parse_choices,
    parse_duration,
    parse_mapping,
    parse_names,
    parse_pattern,
    parse_published_rule,
    parse_rule,
    parse_tags,
)
from policies.rules import (
    SIGNERS,
    ApprovalsRule,
    BreakGlass,
    CheckRule,
    Options,
    PolicyBody,
    ReReviewOption,
    Rule,
    RuleLevel,
    TransitionsRule,
    UnusableRule,
)
from policies.targets import (
    GOVERNED_STAGES,
    REGISTRATION,
    TRANSITIONS,
    WITHOUT_REQUESTS,
    is_governable,
    is_leavable,
    leave_target,
)
from registry.risk import TIERS

ON_DUE = ("warn", "flag", "block")
MAX_RULES = 100

_KEYS = frozenset({"name", "description", "applies_to", "rules", "options"})
# The only check that a policy on registration may have.
REGISTRATION_CHECK = "lineage.required_tags"
_SCOPE_KEYS = ("target", "leaves", "models", "tags", "tier")
_MAX_DESCRIPTION = 2000
T = TypeVar("T")


class Problems:
    """Collects the problems of a policy as (path, problem), so that its author sees all of them at once."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []

    def add(self, where: str, problem: str) -> None:
        """Add a problem of the value at a path of the policy."""
        self.entries.append((where, problem.strip()))

    def raise_any(self) -> None:
        """Raise InvalidInput with a line for each problem; do nothing without problems."""
        if self.entries:
            raise InvalidInput("\n".join(f"{where}: {problem}" for where, problem in self.entries))


ReadRules = Callable[[object, Problems], tuple[Rule, ...]]


def parse_policy(body: Mapping[str, object]) -> PolicyBody:
    """Return the policy that a body describes. Raises InvalidInput; its message has a line for each problem."""
    problems = Problems()
    policy = _read(body, problems)
    problems.raise_any()
    return policy


def parse_published(body: Mapping[str, object]) -> PolicyBody:
    """Return a policy that was valid when it was published. Raises InvalidInput when this server cannot read it.

    A rule that this server cannot apply, for example because its check was uninstalled, becomes an `UnusableRule`.
    The other rules still apply, and pages can show the policy.
    """
    problems = Problems()
    policy = _read(body, problems, _published_rules)
    problems.raise_any()
    return policy


def problems_of(body: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return the problems of a body as (path, problem), such as (`rules[3]`, `must be a mapping`)."""
    problems = Problems()
    _read(body, problems)
    return problems.entries


def _read(body: Mapping[str, object], problems: Problems, read_rules: ReadRules | None = None) -> PolicyBody:
    for key in sorted(str(key) for key in body if key not in _KEYS):
        problems.add(key, f"unknown key (known: {', '.join(sorted(_KEYS))})")
    name, description = body.get("name"), body.get("description", "")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        problems.add("name", "must be at most 100 lower-case letters, digits, dots, dashes or underscores")
    if not isinstance(description, str) or len(description) > _MAX_DESCRIPTION or "\x00" in description:
        problems.add("description", f"must be a string of at most {_MAX_DESCRIPTION} characters")
    scope = _scope(body.get("applies_to"), problems)
    rules = (read_rules or _rules)(body.get("rules"), problems)
    _check_transitions(scope.target, rules, problems)
    _check_registration(scope.target, rules, problems)
    options = _options(body.get("options", {}), problems)
    if unknown := sorted(set(options.full_validation) - {rule.id for rule in rules}):
        problems.add("options.full_validation", f"names no rule of this policy: {unknown[0]}")
    return replace(scope, name=str(name), rules=rules, options=options)


def _check_transitions(target: str, rules: tuple[Rule, ...], problems: Problems) -> None:
    """Add a problem if a policy on transitions does not have exactly that rule, or if another policy has one."""
    is_on_transitions = [isinstance(rule, TransitionsRule) for rule in rules]
    if target == TRANSITIONS and is_on_transitions != [True]:
        problems.add("rules", f"a policy with the target {TRANSITIONS} must have one rule: {TRANSITIONS}")
    if target != TRANSITIONS and any(is_on_transitions):
        problems.add("rules", f"a rule on transitions needs the target {TRANSITIONS}")


def _check_registration(target: str, rules: tuple[Rule, ...], problems: Problems) -> None:
    """Add a problem for each rule of a policy on registration that is not a hard, unconditional REGISTRATION_CHECK."""
    if target != REGISTRATION:
        return
    for rule in rules:
        if isinstance(rule, UnusableRule):
            continue
        is_tags = isinstance(rule, CheckRule) and rule.check == REGISTRATION_CHECK
        if not is_tags or rule.level is not RuleLevel.HARD or rule.applies_if is not None:
            problems.add(
                f"rules.{rule.id}",
                f"a policy with the target {REGISTRATION} may only have hard checks {REGISTRATION_CHECK}",
            )


def _scope(value: object, problems: Problems) -> PolicyBody:
    if not isinstance(value, Mapping):
        problems.add("applies_to", "must be a mapping with target, and optionally models, tags and tier")
        return PolicyBody(name="", target="", models="", rules=())
    for key in sorted(str(key) for key in value if key not in _SCOPE_KEYS):
        problems.add(f"applies_to.{key}", f"unknown key (known: {', '.join(_SCOPE_KEYS)})")
    return PolicyBody(
        name="",
        target=_target(value, problems),
        models=_parsed_or("applies_to.models", problems, lambda: parse_pattern(value.get("models", "*"), ""), "*"),
        rules=(),
        tags=_parsed_or("applies_to.tags", problems, lambda: parse_tags(value.get("tags", {}), ""), {}),
        tiers=_parsed_or("applies_to.tier", problems, lambda: _tiers(value.get("tier", ["any"])), ()),
    )


def _target(value: Mapping[str, object], problems: Problems) -> str:
    """Return the target of a policy: the one that versions enter (`target`), or leave (`leaves`)."""
    if "leaves" not in value:
        target = value.get("target")
        if not isinstance(target, str) or not (is_governable(target) or target in WITHOUT_REQUESTS):
            allowed = ", ".join((*GOVERNED_STAGES, *WITHOUT_REQUESTS))
            problems.add("applies_to.target", f"must be {allowed} or an alias such as @champion")
        return str(target)
    leaves = value["leaves"]
    if "target" in value:
        problems.add("applies_to", "must have target or leaves, not both")
    if not isinstance(leaves, str) or not is_leavable(leaves):
        problems.add("applies_to.leaves", "must be Production or an alias such as @champion")
    return leave_target(str(leaves))


def _parsed_or(where: str, problems: Problems, parse: Callable[[], T], otherwise: T) -> T:
    try:
        return parse()
    except InvalidInput as error:
        problems.add(where, error.message)
        return otherwise


def _tiers(value: object) -> tuple[str, ...]:
    return () if value == ["any"] else parse_choices(value, "", TIERS)


def _rules(value: object, problems: Problems) -> tuple[Rule, ...]:
    if not isinstance(value, list) or not value:
        problems.add("rules", "must be a list with at least one rule")
        return ()
    if len(value) > MAX_RULES:
        problems.add("rules", f"must be at most {MAX_RULES} rules")
        return ()
    rules: list[Rule] = []
    for number, item in enumerate(value, start=1):
        where = f"rules[{number}]"
        try:
            rule = parse_rule(item)
        except InvalidInput as error:
            problems.add(where, error.message)
            continue
        if any(rule.id == other.id for other in rules):
            problems.add(where, f"the id {rule.id} is used by an earlier rule")
        rules.append(rule)
    return tuple(rules)


def _published_rules(value: object, _problems: Problems) -> tuple[Rule, ...]:
    items = value if isinstance(value, list) else []
    return tuple(parse_published_rule(item, number) for number, item in enumerate(items, start=1))


def _options(value: object, problems: Problems) -> Options:
    options = Options()
    if not isinstance(value, Mapping):
        problems.add("options", "must be a mapping")
        return options
    for key, option in value.items():
        parse = _OPTIONS.get(str(key))
        if parse is None:
            problems.add(f"options.{key}", f"unknown key (known: {', '.join(_OPTIONS)})")
            continue
        try:
            options = replace(options, **parse(option))  # type: ignore[arg-type]  # each parser names its own fields
        except InvalidInput as error:
            problems.add(f"options.{key}", error.message)
    if options.expires_after <= timedelta(0):
        problems.add("options.expires_after", "must be greater than zero")
    return options


def _flag(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"{field} must be true or false")
    return value


def _positive(value: object) -> timedelta:
    duration = parse_duration(value, "")
    if duration <= timedelta(0):
        raise InvalidInput("must be greater than zero")
    return duration


def _re_review(value: object) -> dict[str, object]:
    mapping = value if isinstance(value, Mapping) else {"every": value}
    mapping = parse_mapping(mapping, "", ("every", "when_due"))
    when_due = parse_choices([mapping.get("when_due", "warn")], "when_due", ON_DUE)[0]
    return {"re_review": ReReviewOption(every=_positive(mapping.get("every")), when_due=when_due)}


def _break_glass(value: object) -> dict[str, object]:
    mapping = parse_mapping(value, "", ("groups", "second_person", "post_review_within"))
    return {
        "break_glass": BreakGlass(
            groups=parse_names(mapping.get("groups"), "groups"),
            second_person=_flag(mapping.get("second_person", True), "second_person"),
            post_review_within=_positive(mapping.get("post_review_within", "48h")),
        )
    }


def _rollback(value: object) -> dict[str, object]:
    mapping = parse_mapping(value, "", ("approvals", "within"))
    options: dict[str, object] = {}
    if "within" in mapping:
        options["rollback_within"] = None if mapping["within"] == "any" else _positive(mapping["within"])
    if "approvals" in mapping:
        rule = parse_rule({"id": "rollback-reviewers", "level": "hard", "approvals": mapping["approvals"]})
        if isinstance(rule, ApprovalsRule):
            options["rollback_approvals"] = rule
    return options


_OPTIONS: dict[str, Callable[[object], dict[str, object]]] = {
    "expires_after": lambda value: {"expires_after": parse_duration(value, "")},
    "rollback_window": lambda value: {"rollback_window": parse_duration(value, "")},
    "apply_delay": lambda value: {"apply_delay": parse_duration(value, "")},
    "remind_every": lambda value: {"remind_every": _positive(value)},
    "new_account_window": lambda value: {"new_account_window": parse_duration(value, "")},
    "e_signature": lambda value: {"e_signature": _flag(value, "")},
    "signed_by": lambda value: {"signed_by": parse_choices([value], "", SIGNERS)[0]},
    "re_review_every": _re_review,
    "break_glass": _break_glass,
    "rollback": _rollback,
    "full_validation": lambda value: {"full_validation": parse_names(value, "")},
}
