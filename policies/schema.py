"""The policy language as JSON Schema (2020-12), for editors and CI.

The schema accepts every policy that the parser accepts. The parser also refuses what a schema cannot describe: two
rules with the same id, a window that ends before it begins, parameters of a check that contradict each other.
"""

from __future__ import annotations

from typing import Any

from policies.parsing import MAX_RULES, ON_DUE
from policies.rule_parsing import FOUR_EYES_ROLES, MAX_APPROVALS, MAX_DAYS, MAX_ITEMS, MAX_PATTERN, MODEL_ROLES, NAME
from policies.rules import CARRYABLE, SEVERITIES, SIGNERS, RuleLevel
from policies.targets import GOVERNED_STAGES, WITHOUT_REQUESTS
from registry.risk import TIERS
from registry.stages import Stage
from validation.catalogue import known_checks
from validation.params import LARGEST, Param

Schema = dict[str, Any]

_NAME: Schema = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_DURATION: Schema = {
    "type": "string",
    "pattern": "^[0-9]{1,5}[mhd]$",
    "description": "Minutes, hours or days: 30m, 24h, 14d.",
}
_NAMES: Schema = {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}}
_TAGS: Schema = {"type": "object", "maxProperties": MAX_ITEMS, "additionalProperties": {"type": "string"}}
_PATTERN: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_PATTERN,
    "description": "A pattern of names in which * matches anything. Case matters.",
}


def policy_schema() -> Schema:
    """Return the JSON Schema of a policy for this server, with the checks that are installed on it."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Custody policy",
        "description": "Named rules that a model version must meet before it moves to a target.",
        **_object(
            {
                "name": {**_NAME, "description": "The name of the policy. A new name is a new policy."},
                "description": {"type": "string", "maxLength": 2000, "description": "Why the policy is as it is."},
                "applies_to": _applies_to(),
                "rules": {"type": "array", "minItems": 1, "maxItems": MAX_RULES, "items": {"$ref": "#/$defs/rule"}},
                "options": _options(),
            },
            required=("name", "applies_to", "rules"),
        ),
        "$defs": {"rule": _rule(), "approvals": _approvals(), "condition": _condition()},
    }


def _object(properties: dict[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": list(required)} if required else schema


def _list_of(values: tuple[str, ...]) -> Schema:
    return {"type": "array", "minItems": 1, "items": {"enum": list(values)}}


def _applies_to() -> Schema:
    target = {
        "type": "string",
        "pattern": f"^({'|'.join(GOVERNED_STAGES)}|{'|'.join(WITHOUT_REQUESTS)}|@.+)$",
        "description": "A stage, an alias that the policy protects, transitions (which moves between stages exist) or registration (the tags that "
        "a new version needs).",
    }
    leaves = {
        "type": "string",
        "pattern": f"^({Stage.PRODUCTION.value}|@.+)$",
        "description": "What a version needs to leave Production, or an alias, with no successor.",
    }
    tier = {"anyOf": [{"const": ["any"]}, _list_of(TIERS)], "description": "Risk tiers; left out: any."}
    scope = _object({"target": target, "leaves": leaves, "models": _PATTERN, "tags": _TAGS, "tier": tier})
    return {**scope, "oneOf": [{"required": ["target"]}, {"required": ["leaves"]}]}


def _rule() -> Schema:
    kinds = _kinds()
    common: dict[str, Schema] = {
        "id": _NAME,
        "level": {"enum": [level.value for level in RuleLevel], "default": RuleLevel.HARD.value},
        "applies_if": {"$ref": "#/$defs/condition"},
        "override": {**_NAMES, "description": "Groups whose members may override the rule, with a reason."},
        "with": {"type": "object", "description": "The parameters of the check."},
    }
    soft = {"required": ["level"], "properties": {"level": {"const": RuleLevel.SOFT.value}}}
    return {
        **_object({**common, **kinds}, required=("id",)),
        "oneOf": [{"required": [kind]} for kind in kinds],
        "dependentRequired": {"with": ["check"]},
        "allOf": [
            {"if": soft, "then": {"required": ["override"]}, "else": {"not": {"required": ["override"]}}},
            *_parameters(),
            {"if": {"required": ["four_eyes"]}, "then": {"not": {"anyOf": [soft, {"required": ["applies_if"]}]}}},
        ],
    }


def _parameters() -> list[Schema]:
    """Return an if-then schema of `with` for each check that declares its parameters."""
    schemas = []
    for code, check in known_checks().items():
        params: tuple[Param, ...] | None = getattr(check, "params", None)
        if params is None:
            continue
        required = tuple(param.name for param in params if param.required)
        properties = _object({param.name: _parameter(param) for param in params}, required=required)
        then: Schema = {"properties": {"with": properties}}
        if required:
            then["required"] = ["with"]
        schemas.append({"if": {"required": ["check"], "properties": {"check": {"const": code}}}, "then": then})
    return schemas


def _parameter(param: Param) -> Schema:
    text: Schema = {"type": "string", "minLength": 1}
    bounds = {"minimum": param.least, "maximum": param.most}
    number: Schema = {key: bound for key, bound in bounds.items() if abs(bound) < LARGEST}
    kinds: dict[str, Schema] = {
        "choice": {"enum": list(param.choices)},
        "choices": {"type": "array", "minItems": 1, "items": {"enum": list(param.choices)}},
        "count": {"type": "integer", **number},
        "flag": {"type": "boolean"},
        "identities": {
            "type": "array",
            "minItems": 1,
            "items": _object({"identity": text, "issuer": text}, required=("identity", "issuer")),
        },
        "name": text,
        "names": {"type": "array", "minItems": 0 if param.default == () else 1, "items": text},
        "number": {"type": "number", **number},
        "text": text,
    }
    return {**kinds[param.kind], "description": param.description}


def _kinds() -> dict[str, Schema]:
    window = _object(
        {"name": {"type": "string", "minLength": 1, "maxLength": MAX_PATTERN}, "from": _TEXT, "to": _TEXT},
        required=("name", "from", "to"),
    )
    soak: dict[str, Schema] = {
        "in": {"enum": list(GOVERNED_STAGES), "default": Stage.STAGING.value},
        "hours": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_DAYS * 24},
    }
    return {
        "check": {"enum": list(known_checks()), "description": "A validation check that must pass."},
        "approvals": {"$ref": "#/$defs/approvals"},
        "four_eyes": {
            **_list_of(FOUR_EYES_ROLES),
            "description": "Nobody in one of these roles counts as an approver.",
        },
        "soak": _object(soak, required=("hours",)),
        "not_during": {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": window},
        "no_findings": _object({"severity": {"enum": [severity.value for severity in SEVERITIES], "default": "high"}}),
        "attested": _object({"within": {**_DURATION, "default": "365d"}}),
        "reason": {"const": "required", "description": "The request must say why."},
        "transitions": _transitions(),
    }


def _transitions() -> Schema:
    stages = {stage: {"type": "array", "items": {"enum": list(Stage.values)}} for stage in Stage.values}
    schema = _object(stages, required=tuple(Stage.values))
    return {**schema, "description": "The stages that may follow each stage."}


_TEXT: Schema = {
    "type": "string",
    "minLength": 1,
    "description": "12-20 (every year), fri 16:00 (every week) or 2026-12-24T18:00 (once), in UTC.",
}


def _approvals() -> Schema:
    owners = _object({"models": _PATTERN, "users": _NAMES}, required=("models", "users"))
    return {
        **_object(
            {
                "count": {"type": "integer", "minimum": 1, "maximum": MAX_APPROVALS, "default": 1},
                "groups": _NAMES,
                "roles": _list_of(MODEL_ROLES),
                "owners": {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": owners},
                "distinct_groups": {"type": "boolean", "default": False},
                "carry_over": {
                    **_list_of(CARRYABLE),
                    "description": "The parts that may change without voiding a review.",
                },
            }
        ),
        "anyOf": [{"required": [key]} for key in ("groups", "roles", "owners")],
    }


def _condition() -> Schema:
    properties: dict[str, Schema] = {
        "tier": _list_of(TIERS),
        "tags": _TAGS,
        "from": _list_of(tuple(Stage.values)),
        "incumbent": {"type": ["boolean", "null"], "description": "Whether another version would be replaced."},
        "deployed": {
            "type": ["boolean", "null"],
            "description": "Whether a deployment serves the version; one ended in the last 7 days, or by the requester, counts.",
        },
    }
    return {**_object(properties), "minProperties": 1}


def _options() -> Schema:
    every = _object({"every": _DURATION, "when_due": {"enum": list(ON_DUE), "default": "warn"}}, required=("every",))
    break_glass = _object(
        {"groups": _NAMES, "second_person": {"type": "boolean", "default": True}, "post_review_within": _DURATION},
        required=("groups",),
    )
    within = {"anyOf": [{"const": "any"}, _DURATION]}
    return _object(
        {
            "expires_after": _DURATION,
            "rollback_window": _DURATION,
            "apply_delay": _DURATION,
            "remind_every": _DURATION,
            "new_account_window": _DURATION,
            "e_signature": {"type": "boolean", "default": False},
            "signed_by": {
                "enum": list(SIGNERS),
                "description": "Approvals, overrides and break-glass need the signature of the person's passkey; "
                "with device_passkey, of one that stays on one device.",
            },
            "re_review_every": {"anyOf": [_DURATION, every]},
            "break_glass": break_glass,
            "full_validation": _NAMES,
            "rollback": _object({"approvals": {"$ref": "#/$defs/approvals"}, "within": within}),
        }
    )
