"""Parsing one rule of a policy (plain JSON or YAML values) into a frozen dataclass, and the values inside rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from core.errors import InvalidInput
from policies.rules import (
    CARRYABLE,
    ApprovalsRule,
    AttestedRule,
    CheckRule,
    Condition,
    FindingsRule,
    FourEyesRule,
    FreezeRule,
    Owners,
    ReasonRule,
    Rule,
    RuleLevel,
    Severity,
    SoakRule,
    TransitionsRule,
    UnusableRule,
)
from policies.windows import parse_window
from registry.permissions import Level
from registry.risk import TIERS
from registry.stages import Stage
from validation.catalogue import known_checks

FOUR_EYES_ROLES = ("requester", "version_author", "run_user", "card_editor", "check_author")
MODEL_ROLES = tuple(level.name.lower() for level in Level if level >= Level.MANAGE_STAGING)
MAX_APPROVALS = 20
MAX_PATTERN = 256
MAX_ITEMS = 100
MAX_DAYS = 3660

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DURATION = re.compile(r"([0-9]{1,5})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_STAGES = tuple(Stage.values)
_COMMON = ("id", "level", "applies_if", "override")


def parse_rule(item: object) -> Rule:
    """Return the rule that a mapping describes. Raises InvalidInput with its first problem."""
    if not isinstance(item, Mapping):
        raise InvalidInput("must be a mapping")
    if unknown := sorted(str(key) for key in item if key not in ("with", *_COMMON, *_PARSERS)):
        raise InvalidInput(f"unknown key {unknown[0]!r}")
    common = _common(item)
    kinds = [key for key in _PARSERS if key in item]
    if len(kinds) != 1:
        raise InvalidInput(f"must have exactly one of {', '.join(_PARSERS)}")
    if "with" in item and kinds != ["check"]:
        raise InvalidInput("only a check can have 'with'")
    return _PARSERS[kinds[0]](common, item)


def parse_published_rule(item: object, number: int) -> Rule:
    """Return the ``number``-th rule of a published policy; an `UnusableRule` if this server cannot apply it.

    An unusable rule keeps its id, level, condition and the groups that may override it. If these cannot be read either,
    it is a hard rule called `rule-NUMBER`.
    """
    try:
        return parse_rule(item)
    except InvalidInput as error:
        written = item if isinstance(item, Mapping) else {}
        check = written.get("check")
        is_unknown = isinstance(check, str) and check not in known_checks()
        why = f"the check {check} is not installed" if is_unknown else error.message
        try:
            common = _common(written)
        except InvalidInput:
            common = {"id": f"rule-{number}", "level": RuleLevel.HARD}
        return UnusableRule(**common, why=why, written=dict(written))  # type: ignore[arg-type]  # what _common made


def parse_duration(value: object, field: str) -> timedelta:
    """Return a duration written as 14d, 24h or 30m. Raises InvalidInput, whose message calls the value ``field``."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidInput(f"{field} must be a duration such as 14d, 24h or 30m")
    duration = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if duration > timedelta(days=MAX_DAYS):
        raise InvalidInput(f"{field} must be at most {MAX_DAYS} days")
    return duration


def parse_names(value: object, field: str) -> tuple[str, ...]:
    """Return the names of a non-empty list, each once. Raises InvalidInput."""
    if not isinstance(value, list | tuple) or not value or not all(isinstance(item, str) and item for item in value):
        raise InvalidInput(f"{field} must be a list of names")
    if len(value) > MAX_ITEMS:
        raise InvalidInput(f"{field} must have at most {MAX_ITEMS} entries")
    return tuple(dict.fromkeys(str(item) for item in value))


def parse_choices(value: object, field: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of a non-empty list, each once and one of ``allowed``. Raises InvalidInput."""
    names = parse_names(value, field)
    if wrong := [name for name in names if name not in allowed]:
        raise InvalidInput(f"{field} must not have {wrong[0]!r} (known: {', '.join(allowed)})")
    return names


def parse_mapping(value: object, field: str, allowed: tuple[str, ...]) -> Mapping[str, object]:
    """Return a mapping with no other keys than ``allowed``. Raises InvalidInput."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{field} must be a mapping ({', '.join(allowed)})")
    if unknown := sorted(str(key) for key in value if key not in allowed):
        raise InvalidInput(f"{field} has the unknown key {unknown[0]!r} (known: {', '.join(allowed)})")
    return value


def parse_tags(value: object, field: str) -> dict[str, str]:
    """Return a mapping of tags to values. Raises InvalidInput."""
    if not isinstance(value, Mapping) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise InvalidInput(f"{field} must map tags to strings")
    if len(value) > MAX_ITEMS:
        raise InvalidInput(f"{field} must have at most {MAX_ITEMS} entries")
    return {str(key): str(tag) for key, tag in value.items()}


def _common(item: Mapping[str, object]) -> dict[str, object]:
    rule_id = item.get("id")
    if not isinstance(rule_id, str) or not NAME.fullmatch(rule_id):
        raise InvalidInput("id must be at most 100 lower-case letters, digits, dots, dashes or underscores")
    level = item.get("level", RuleLevel.HARD.value)
    if level not in [member.value for member in RuleLevel]:
        raise InvalidInput(f"level must be {', '.join(member.value for member in RuleLevel)}")
    if "override" in item and level != RuleLevel.SOFT:
        raise InvalidInput("only a soft rule can be overridden")
    if level == RuleLevel.SOFT and "override" not in item:
        raise InvalidInput("a soft rule must name the groups that may override it: override: [GROUP, …]")
    return {
        "id": rule_id,
        "level": RuleLevel(str(level)),
        "applies_if": _condition(item["applies_if"]) if "applies_if" in item else None,
        "override_by": parse_names(item["override"], "override") if "override" in item else (),
    }


def _condition(value: object) -> Condition:
    mapping = parse_mapping(value, "applies_if", ("tier", "tags", "from", "incumbent", "deployed"))
    flags = {key: mapping.get(key) for key in ("incumbent", "deployed")}
    if wrong := [key for key, flag in flags.items() if flag is not None and not isinstance(flag, bool)]:
        raise InvalidInput(f"applies_if.{wrong[0]} must be true or false")
    if not mapping:
        raise InvalidInput("applies_if must not be empty: remove it")
    return Condition(
        tiers=parse_choices(mapping["tier"], "applies_if.tier", TIERS) if "tier" in mapping else (),
        tags=parse_tags(mapping.get("tags", {}), "applies_if.tags"),
        sources=parse_choices(mapping["from"], "applies_if.from", tuple(Stage.values)) if "from" in mapping else (),
        **flags,  # type: ignore[arg-type]  # booleans or None, as checked above
    )


def _check(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    code, params = item["check"], item.get("with", {})
    checks = known_checks()
    if not isinstance(code, str) or code not in checks:
        raise InvalidInput(f"there is no check {code!r} (known: {', '.join(checks)})")
    if not isinstance(params, Mapping) or not all(isinstance(key, str) for key in params):
        raise InvalidInput("'with' must be a mapping of parameters")
    try:
        checks[code].parse(params)
    except InvalidInput as error:
        raise InvalidInput(f"{code}: {error.message}") from error
    return CheckRule(**common, check=code, params=dict(params))  # type: ignore[arg-type]  # what _common made


def _approvals(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    keys = ("count", "groups", "roles", "owners", "distinct_groups", "carry_over")
    value = parse_mapping(item["approvals"], "approvals", keys)
    count, distinct = value.get("count", 1), value.get("distinct_groups", False)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MAX_APPROVALS:
        raise InvalidInput(f"approvals.count must be a number from 1 to {MAX_APPROVALS}")
    if not isinstance(distinct, bool):
        raise InvalidInput("approvals.distinct_groups must be true or false")
    if not {"groups", "roles", "owners"} & set(value):
        raise InvalidInput("approvals must have groups, roles or owners")
    return ApprovalsRule(
        **common,  # type: ignore[arg-type]  # what _common made
        count=count,
        groups=parse_names(value["groups"], "approvals.groups") if "groups" in value else (),
        roles=parse_choices(value["roles"], "approvals.roles", MODEL_ROLES) if "roles" in value else (),
        owners=_owners(value["owners"]) if "owners" in value else (),
        distinct_groups=distinct,
        carry_over=parse_choices(value["carry_over"], "approvals.carry_over", CARRYABLE)
        if "carry_over" in value
        else (),
    )


def _owners(value: object) -> tuple[Owners, ...]:
    if not isinstance(value, list) or not 0 < len(value) <= MAX_ITEMS:
        raise InvalidInput("approvals.owners must be a list of {models, users}")
    owners = []
    for item in value:
        mapping = parse_mapping(item, "approvals.owners", ("models", "users"))
        owners.append(
            Owners(parse_pattern(mapping.get("models"), "models"), parse_names(mapping.get("users"), "users"))
        )
    return tuple(owners)


def parse_pattern(value: object, field: str) -> str:
    """Return a pattern of model names (fnmatch). Raises InvalidInput."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PATTERN:
        raise InvalidInput(f"{field} must be a pattern such as fraud_*")
    return value


def _four_eyes(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    if common["applies_if"] is not None or common["level"] is RuleLevel.SOFT:
        raise InvalidInput("four_eyes is unconditional: remove applies_if and override")
    roles = item["four_eyes"]
    if not isinstance(roles, list) or not roles or not all(role in FOUR_EYES_ROLES for role in roles):
        raise InvalidInput(f"four_eyes must be a list of roles out of {', '.join(FOUR_EYES_ROLES)}")
    return FourEyesRule(**common, roles=tuple(str(role) for role in roles))  # type: ignore[arg-type]  # what _common made


def _soak(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    value = parse_mapping(item["soak"], "soak", ("in", "hours"))
    stage, hours = value.get("in", Stage.STAGING.value), value.get("hours")
    if stage not in (Stage.STAGING.value, Stage.PRODUCTION.value):
        raise InvalidInput("soak.in must be Staging or Production")
    if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 < hours <= MAX_DAYS * 24:
        raise InvalidInput("soak.hours must be a number of hours")
    return SoakRule(**common, stage=str(stage), time=timedelta(hours=hours))  # type: ignore[arg-type]  # what _common made


def _not_during(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    value = item["not_during"]
    if not isinstance(value, list) or not 0 < len(value) <= MAX_ITEMS:
        raise InvalidInput("not_during must be a list of {name, from, to}")
    windows = []
    for entry in value:
        mapping = parse_mapping(entry, "not_during", ("name", "from", "to"))
        name, start, end = (mapping.get(key) for key in ("name", "from", "to"))
        if not isinstance(name, str) or not 0 < len(name) <= MAX_PATTERN:
            raise InvalidInput("a window must have a name")
        if not isinstance(start, str) or not isinstance(end, str):
            raise InvalidInput(f"the window {name!r} must have from and to, as strings")
        windows.append(parse_window(name, start, end))
    return FreezeRule(**common, windows=tuple(windows))  # type: ignore[arg-type]  # what _common made


def _no_findings(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    value = parse_mapping(item["no_findings"], "no_findings", ("severity",))
    severity = value.get("severity", Severity.HIGH.value)
    if severity not in list(Severity):
        raise InvalidInput(f"no_findings.severity must be {', '.join(Severity)}")
    return FindingsRule(**common, severity=Severity(str(severity)))  # type: ignore[arg-type]  # what _common made


def _reason(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    if item["reason"] != "required":
        raise InvalidInput("reason must be: required")
    return ReasonRule(**common)  # type: ignore[arg-type]  # what _common made


def _attested(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    value = parse_mapping(item["attested"], "attested", ("within",))
    within = parse_duration(value.get("within", "365d"), "attested.within")
    return AttestedRule(**common, within=within)  # type: ignore[arg-type]  # what _common made


def _transitions(common: dict[str, object], item: Mapping[str, object]) -> Rule:
    value = parse_mapping(item["transitions"], "transitions", tuple(Stage.values))
    allowed = {
        source: () if value.get(source) == [] else parse_choices(value.get(source), f"transitions.{source}", _STAGES)
        for source in Stage.values
    }
    if Stage.ARCHIVED not in allowed[Stage.PRODUCTION]:
        raise InvalidInput("transitions.Production must have Archived: superseded versions are archived")
    if common["applies_if"] is not None or common["level"] is not RuleLevel.HARD:
        raise InvalidInput("transitions is hard and unconditional")
    return TransitionsRule(**common, allowed=allowed)  # type: ignore[arg-type]  # what _common made


_PARSERS: dict[str, Callable[[dict[str, object], Mapping[str, object]], Rule]] = {
    "check": _check,
    "approvals": _approvals,
    "four_eyes": _four_eyes,
    "soak": _soak,
    "not_during": _not_during,
    "no_findings": _no_findings,
    "attested": _attested,
    "reason": _reason,
    "transitions": _transitions,
}
