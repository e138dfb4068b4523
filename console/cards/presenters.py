"""What the pages of a model card show: its sections with each field's source, how far it is, and what changed."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.shell.formatting import exact, from_ms
from console.shell.labels import look
from console.shell.links import label_of, place_of
from registry.cards import FIELDS, Completeness, Field, Section, completeness, find_template, says_nothing, written_keys
from registry.cards.diff import Body, diff_bodies
from registry.cards.fields import Kind, fields_of
from registry.cards.templates import BY_TIER, PLAIN, Template, newest_templates, requirements_for
from registry.models import CardRevision, ModelVersion
from registry.queries import card_history, get_card
from registry.risk import tiers_of

_TOKEN = re.compile(r"\n|[^\S\n]+|\S+")


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field as shown: ``text`` for prose, ``pairs`` for mappings, ``items`` for lists, ``columns`` and ``rows`` for tables.

    ``asked_by`` is where the template asks for it, empty where it does not.
    """

    field: Field
    text: str
    pairs: list[tuple[str, str]]
    items: list[str]
    columns: list[str]
    rows: list[list[str]]
    source: str
    source_url: str
    asked_by: str
    is_empty: bool

    @property
    def is_missing(self) -> bool:
        """Whether the template asks for it and it says nothing."""
        return bool(self.asked_by) and self.is_empty


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section: the fields to show, and the titles of those that nobody asks for and nobody wrote."""

    title: str
    fields: list[FieldView]
    unwritten: list[str]

    @property
    def missing(self) -> int:
        """How many of its fields the template still asks for."""
        return sum(view.is_missing for view in self.fields)


@dataclass(frozen=True, slots=True)
class CardPage:
    """One revision of a card, measured by a template and by all the others, and all its revisions, newest first."""

    version: ModelVersion
    revision: CardRevision
    newest: CardRevision
    tier: str
    template: Template
    sections: list[SectionView]
    measured: Completeness
    scores: list[Completeness]
    revisions: list[CardRevision]


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field that changed: pieces of (`same`, `del` or `ins`, words)."""

    field: Field
    pieces: list[tuple[str, str]]


def card_page(version: ModelVersion, number: int | None = None, template: str = "") -> CardPage:
    """Return a card, the newest revision unless ``number`` says which.

    Measured by ``template``; unless told, by the one the model's tier asks for, and by the plain one where nobody has
    assessed the model. NotFound, InvalidInput.
    """
    revisions = card_history(version)
    shown = get_card(version, number)
    tier = tier_of(version)
    chosen = find_template(template or (BY_TIER if tier else PLAIN), tier=tier)
    written = written_keys(shown.body)
    refs = {asked.key: asked.ref for asked in requirements_for(chosen, tier)}
    return CardPage(
        version=version,
        revision=shown,
        newest=revisions[0],
        tier=tier,
        template=chosen,
        sections=[_section(section, shown.body, refs) for section in Section],
        measured=completeness(written, chosen, tier),
        scores=[completeness(written, each, tier) for each in newest_templates()],
        revisions=revisions,
    )


def tier_of(version: ModelVersion) -> str:
    """Return the risk tier of a version's model, "" where nobody has assessed it."""
    return tiers_of([version.model_id]).get(version.model_id, "")


def diff_fields(before: Body, after: Body) -> list[FieldDiff]:
    """Return the fields that differ between two cards, word by word."""
    changes = diff_bodies(before, after)
    # the latest values stand in the evaluation as well
    twice = {"metrics"} if any(change.field.key == "evaluation" for change in changes) else set()
    return [FieldDiff(change.field, _words(*change.texts)) for change in changes if change.field.key not in twice]


def _section(section: Section, body: Mapping[str, Any], refs: Mapping[str, str]) -> SectionView:
    # the latest values stand in the evaluation as well; cards of before have them alone
    fields = [each for each in fields_of(section) if each.key != "metrics" or says_nothing(body.get("evaluation"))]
    views = [_view(field, body.get(field.key) or {}, refs.get(field.key, "")) for field in fields]
    # what nothing was logged for is shown as well: that there is nothing is a finding
    shown = [view for view in views if view.asked_by or not view.is_empty or not view.field.human]
    hidden = [view.field.title for view in views if view not in shown]
    return SectionView(section.value, sorted(shown, key=lambda view: not view.asked_by), hidden)


def _view(field: Field, entry: Mapping[str, Any], asked_by: str) -> FieldView:
    value, pointer = entry.get("value", ""), str(entry.get("pointer", ""))
    columns, rows = _table(field, value)
    return FieldView(
        field=field,
        text=value if isinstance(value, str) else "",
        pairs=_pairs(value) if isinstance(value, dict) else [],
        items=[str(item) for item in value] if field.kind is Kind.LIST and isinstance(value, list) else [],
        columns=columns,
        rows=rows,
        source=_origin(str(entry.get("source", "")), pointer),
        source_url=place_of(pointer),
        asked_by=asked_by,
        is_empty=says_nothing(entry),
    )


def _origin(source: str, pointer: str) -> str:
    if not pointer:
        return ""
    words = {"human": "written by", "imported": "imported from"}.get(source, "from")
    return f"{words} {label_of(pointer)}"


def _pairs(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [_pair(str(key), item) for key, item in value.items() if item not in ("", None)]


def _pair(key: str, value: object) -> tuple[str, str]:
    """Return a fact as people read it: milliseconds as a time, the state of a run in words."""
    moment = from_ms(value) if key.endswith("_ms") and isinstance(value, int) else None
    if moment is not None:
        return key.removesuffix("_ms"), exact(moment)
    if key == "status" and isinstance(value, str):
        return key, look("run", value).label.lower()
    return key, _short(value)


def _table(field: Field, value: object) -> tuple[list[str], list[list[str]]]:
    """Return the columns of a table that hold something, and its rows."""
    found = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
    # what links a row to the graph is for machines: the name and the digest say the same
    columns = [column for column in field.columns if column != "node" and any(row.get(column) for row in found)]
    rows = [[str(row.get(column) or "") for column in columns] for row in found]
    return [column.replace("_", " ") for column in columns], rows


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value)
    if isinstance(value, dict):
        return " ".join(_short(item) for item in value.values())
    return str(value)


def _words(before: str, after: str) -> list[tuple[str, str]]:
    """Return the pieces of both texts in order; a piece keeps its own blanks and line breaks."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    pieces: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        pieces += [(name, words) for name, words in (("del", "".join(old[a:b])), ("ins", "".join(new[c:d]))) if words]
    return pieces


def known_titles(keys: tuple[str, ...]) -> list[str]:
    """Return the titles of fields, in the card's order."""
    return [field.title for field in FIELDS if field.key in keys]
