"""Model cards: fields, templates, the published schema, completeness, differences, exports and imports.

A card's body maps each field to ``{"value", "source", "pointer"}``. ``source`` is `auto` (read from the run or the
files), `human` (a person wrote it) or `imported` (it comes from a card in another format). ``pointer`` names the run,
the file, the person or the document. Values are canonical JSON (numbers as text), so that the stored body is exactly
what the digest covers.
"""

from registry.cards.automatic_fields import first_body, measured_body
from registry.cards.completeness import Completeness, completeness, missing_fields, written_keys
from registry.cards.fields import AUTO_KEYS, BY_KEY, EDITABLE_KEYS, FIELDS, HUMAN_KEYS, Field, Kind, Section
from registry.cards.templates import Template, find_template, required_keys
from registry.cards.values import Body, Entry, is_placeholder, says_nothing

__all__ = [
    "AUTO_KEYS",
    "BY_KEY",
    "EDITABLE_KEYS",
    "FIELDS",
    "HUMAN_KEYS",
    "Body",
    "Completeness",
    "Entry",
    "Field",
    "Kind",
    "Section",
    "Template",
    "completeness",
    "find_template",
    "first_body",
    "is_placeholder",
    "measured_body",
    "missing_fields",
    "required_keys",
    "says_nothing",
    "written_keys",
]
