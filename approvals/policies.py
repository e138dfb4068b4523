"""From a policy's body (plain JSON or YAML values) to frozen rules. A bad policy gets one clear line per problem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta

from approvals.checks.registry import known_checks
from approvals.rules import ApprovalsRule, CheckRule, FourEyesRule, Level, PolicyBody, Rule
from audit.errors import InvalidInput
from registry.stages import Stage

ROLES = ("requester", "version_author", "run_user", "card_editor")
GOVERNED_TARGETS = (Stage.STAGING.value, Stage.PRODUCTION.value)
MAX_APPROVALS = 20
MAX_PATTERN = 256

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_DURATION = re.compile(r"(\d{1,5})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_KEYS = frozenset({"name", "applies_to", "rules", "options"})
_OPTIONS = {"expires_after": timedelta(days=14), "rollback_window": timedelta(hours=24)}
_REQUIREMENTS = ("check", "approvals", "four_eyes")

_LINEAGE_RULES: list[dict[str, object]] = [
    {
        "id": "lineage",
        "level": "hard",
        "check": "lineage.required_tags",
        "with": {"tags": ["dataset_version", "git_commit", "triggered_by"]},
    },
    {"id": "digest", "level": "hard", "check": "artifact.digest_matches"},
    {"id": "safe-artifact", "level": "hard", "check": "artifact.scan"},
    {"id": "data-ok", "level": "hard", "check": "lineage.not_quarantined"},
]

DEFAULT_POLICIES: tuple[dict[str, object], ...] = (
    {
        "name": "staging-default",
        "applies_to": {"target": "Staging", "models": "*"},
        "rules": _LINEAGE_RULES,
        "options": {"expires_after": "14d", "rollback_window": "24h"},
    },
    {
        "name": "production-default",
        "applies_to": {"target": "Production", "models": "*"},
        "rules": [
            *_LINEAGE_RULES,
            {"id": "card", "level": "hard", "check": "card.complete"},
            {
                "id": "no-regression",
                "level": "hard",
                "check": "metric.no_regression",
                "with": {"metric": "val_auc", "against": "current_production", "tolerance": 0.005},
            },
            {"id": "reviewers", "level": "hard", "approvals": {"count": 1, "groups": ["reviewers"]}},
            {"id": "four-eyes", "level": "hard", "four_eyes": list(ROLES)},
        ],
        "options": {"expires_after": "14d", "rollback_window": "24h"},
    },
)


class _Problems:
    """Collects one line per problem, so that a policy's author sees all of them at once."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, where: str, what: str) -> None:
        self.lines.append(f"{where}: {what}")

    def raise_any(self) -> None:
        if self.lines:
            raise InvalidInput("\n".join(self.lines))


def parse_policy(body: Mapping[str, object]) -> PolicyBody:
    """Return the policy a body describes; raise InvalidInput whose message has one line per problem."""
    problems = _Problems()
    for key in sorted(str(key) for key in body if key not in _KEYS):
        problems.add(key, f"unknown (a policy has {', '.join(sorted(_KEYS))})")
    name = body.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        problems.add("name", "must be lower-case letters, digits, dots, dashes, at most 100")
    target, models = _applies_to(body.get("applies_to"), problems)
    rules = _rules(body.get("rules"), problems)
    options = _options(body.get("options", {}), problems)
    problems.raise_any()
    return PolicyBody(
        name=str(name),
        target=target,
        models=models,
        rules=rules,
        expires_after=options["expires_after"],
        rollback_window=options["rollback_window"],
    )


def _applies_to(value: object, problems: _Problems) -> tuple[str, str]:
    if not isinstance(value, Mapping):
        problems.add("applies_to", "must name a target, and may name models")
        return "", ""
    for key in sorted(str(key) for key in value if key not in ("target", "models")):
        problems.add(f"applies_to.{key}", "unknown (target, models)")
    target, models = value.get("target"), value.get("models", "*")
    if target not in GOVERNED_TARGETS:
        problems.add("applies_to.target", f"must be {' or '.join(GOVERNED_TARGETS)}")
    if not isinstance(models, str) or not 0 < len(models) <= MAX_PATTERN:
        problems.add("applies_to.models", "must be a pattern such as fraud_*")
    return str(target), str(models)


def _rules(value: object, problems: _Problems) -> tuple[Rule, ...]:
    if not isinstance(value, list) or not value:
        problems.add("rules", "must be a list with at least one rule")
        return ()
    found: list[Rule] = []
    for place, item in enumerate(value, start=1):
        where = f"rules[{place}]"
        try:
            rule = _rule(item)
        except InvalidInput as error:
            problems.add(where, error.message)
            continue
        if any(rule.id == other.id for other in found):
            problems.add(where, f"the id {rule.id} is taken by an earlier rule")
        found.append(rule)
    return tuple(found)


def _rule(item: object) -> Rule:
    if not isinstance(item, Mapping):
        raise InvalidInput("must be a mapping")
    if unknown := sorted(str(key) for key in item if key not in ("id", "level", "with", *_REQUIREMENTS)):
        raise InvalidInput(f"unknown key {unknown[0]!r}")
    rule_id, level = _identity(item)
    asked = [key for key in _REQUIREMENTS if key in item]
    if len(asked) != 1:
        raise InvalidInput(f"must have exactly one of {', '.join(_REQUIREMENTS)}")
    if "with" in item and asked != ["check"]:
        raise InvalidInput("only a check takes 'with'")
    if asked == ["check"]:
        return _check_rule(rule_id, level, item["check"], item.get("with", {}))
    if asked == ["approvals"]:
        return _approvals_rule(rule_id, level, item["approvals"])
    return _four_eyes_rule(rule_id, level, item["four_eyes"])


def _identity(item: Mapping[str, object]) -> tuple[str, Level]:
    rule_id = item.get("id")
    if not isinstance(rule_id, str) or not _NAME.fullmatch(rule_id):
        raise InvalidInput("id must be lower-case letters, digits, dots, dashes")
    level = item.get("level", "hard")
    if level not in list(Level):
        raise InvalidInput(f"level must be {' or '.join(Level)}")
    return rule_id, Level(str(level))


def _check_rule(rule_id: str, level: Level, code: object, params: object) -> CheckRule:
    checks = known_checks()
    if not isinstance(code, str) or code not in checks:
        raise InvalidInput(f"there is no check {code!r} (there are {', '.join(sorted(checks))})")
    if not isinstance(params, Mapping):
        raise InvalidInput("'with' must be a mapping of parameters")
    try:
        checks[code].parse(params)
    except InvalidInput as error:
        raise InvalidInput(f"{code}: {error.message}") from error
    return CheckRule(id=rule_id, level=level, check=code, params=dict(params))


def _approvals_rule(rule_id: str, level: Level, value: object) -> ApprovalsRule:
    if not isinstance(value, Mapping) or set(value) - {"count", "groups"}:
        raise InvalidInput("approvals takes count and groups")
    count, groups = value.get("count", 1), value.get("groups")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= MAX_APPROVALS:
        raise InvalidInput(f"approvals.count must be a number from 1 to {MAX_APPROVALS}")
    if not isinstance(groups, list) or not groups or not all(isinstance(name, str) and name for name in groups):
        raise InvalidInput("approvals.groups must be a list of group names")
    return ApprovalsRule(id=rule_id, level=level, count=count, groups=tuple(groups))


def _four_eyes_rule(rule_id: str, level: Level, value: object) -> FourEyesRule:
    if not isinstance(value, list) or not value or not all(role in ROLES for role in value):
        raise InvalidInput(f"four_eyes must be a list of roles out of {', '.join(ROLES)}")
    return FourEyesRule(id=rule_id, level=level, roles=tuple(str(role) for role in value))


def _options(value: object, problems: _Problems) -> dict[str, timedelta]:
    options = dict(_OPTIONS)
    if not isinstance(value, Mapping):
        problems.add("options", "must be a mapping")
        return options
    for key, given in value.items():
        match = _DURATION.fullmatch(given) if isinstance(given, str) else None
        if key not in options:
            problems.add(f"options.{key}", f"unknown ({', '.join(options)})")
        elif match is None:
            problems.add(f"options.{key}", "must be a duration such as 14d, 24h or 30m")
        else:
            options[key] = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if options["expires_after"] <= timedelta(0):
        problems.add("options.expires_after", "must be longer than nothing")
    return options
