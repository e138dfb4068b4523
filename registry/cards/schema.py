"""The JSON Schema of the card document, built from the fields, and the check of every new revision against it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from core.errors import InvalidInput
from registry.cards.document import body_document
from registry.cards.fields import FIELDS, SCHEMA_ID, SCHEMA_VERSION, Field, Kind
from registry.questionnaire import TIERS

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_SHOWN_ERRORS = 3


@cache
def card_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of the card document."""
    properties: Schema = {
        "$schema": {"const": SCHEMA_ID},
        "schema_version": {"const": SCHEMA_VERSION},
        "model": _TEXT,
        "version": {"type": "integer", "minimum": 1},
        "revision": {"type": "integer", "minimum": 1},
        "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "approvals": {
            "type": "array",
            "readOnly": True,
            "description": "Generated from the transition requests of the version; never written by people.",
            "items": {"type": "object", "additionalProperties": _TEXT},
        },
    }
    for field in FIELDS:
        _place(properties, field.path, _entry(field))
    tier = _entry_of({"enum": list(TIERS)}, ["auto"]) | {"readOnly": True}
    _place(properties, "risk.tier", tier | {"description": "From the newest risk assessment of the model."})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Model card",
        "description": "CycloneDX modelCard and blocks of its own. Every field names the source of its value.",
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
    }


def require_fits(body: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InvalidInput where the body of a card does not match the published schema."""
    errors = sorted(_validator().iter_errors(body_document(body)), key=lambda error: error.json_path)
    if errors:
        messages = "; ".join(f"{error.json_path}: {error.message[:200]}" for error in errors[:_SHOWN_ERRORS])
        raise InvalidInput(f"The card does not match its schema: {messages}")


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(card_schema())


def _place(properties: Schema, path: str, schema: Schema) -> None:
    """Put the schema of a field at its path, and create the blocks around it."""
    block, _, field = path.partition(".")
    if not field:
        properties[block] = schema
        return
    empty: Schema = {"type": "object", "additionalProperties": False, "properties": {}}
    _place(properties.setdefault(block, empty)["properties"], field, schema)


def _entry(field: Field) -> Schema:
    sources = ["human", "imported"] if field.human else ["auto"]
    about: Schema = {"title": field.title, "description": field.help, "x-key": field.key}
    return _entry_of(_value(field), sources) | about | ({} if field.human else {"readOnly": True})


def _entry_of(value: Schema, sources: list[str]) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["value", "source", "pointer"],
        "properties": {"value": value, "source": {"enum": sources}, "pointer": _TEXT},
    }


def _value(field: Field) -> Schema:
    """Return the schema of a field's value. A field of any kind may be empty: then its value is ""."""
    nothing: Schema = {"const": ""}
    row: Schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {column: {"type": ["string", "null"]} for column in field.columns},
    }
    match field.kind:
        case Kind.CHOICE:
            return {"enum": ["", *field.choices]}
        case Kind.LIST:
            return {"anyOf": [{"type": "array", "items": _TEXT}, nothing]}
        case Kind.ROWS:
            return {"anyOf": [{"type": "array", "items": row}, nothing]}
        case Kind.FACTS:
            return {"anyOf": [{"type": "object"}, nothing]}
        case _:
            return _TEXT
