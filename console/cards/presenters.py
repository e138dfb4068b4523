"""The pages of a model card: its sections with the source of each field, its completeness, and its changes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from console.shell.formatting import exact, from_ms
from console.shell.labels import state_label
from console.shell.links import page_url, ref_label
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
    """One field: ``text`` for prose, ``pairs`` for mappings, ``items`` for lists, ``columns`` and ``rows`` for tables.

    ``required_by`` is the clause that requires it in the template, "" where it is not required.
    """

    field: Field
    text: str
    pairs: list[tuple[str, str]]
    items: list[str]
    columns: list[str]
    rows: list[list[str]]
    source: str
    source_url: str
    required_by: str
    is_empty: bool

    @property
    def is_missing(self) -> bool:
        """Return whether the template requires the field and it is empty."""
        return bool(self.required_by) and self.is_empty


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section: the fields to show, and the titles of fields that are empty and not required."""

    title: str
    fields: list[FieldView]
    unwritten: list[str]

    @property
    def missing(self) -> int:
        """Return how many required fields are empty."""
        return sum(view.is_missing for view in self.fields)


@dataclass(frozen=True, slots=True)
class CardPage:
    """One revision of a card with its completeness by each template, and all revisions, newest first."""

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
    """A field that changed. Each of its ``pieces`` is a kind, `same`, `del` (removed) or `ins` (added), and a text."""

    field: Field
    pieces: list[tuple[str, str]]

    @property
    def html(self) -> SafeString:
        """Return the text with its removed and added pieces marked."""
        return format_html_join("", "{}", ((_marked(kind, text),) for kind, text in self.pieces))


def _marked(kind: str, text: str) -> SafeString | str:
    return text if kind == "same" else format_html('<{0} class="c-{0}">{1}</{0}>', kind, text)


def card_page(version: ModelVersion, number: int | None = None, template: str = "") -> CardPage:
    """Return a card: the revision ``number``, by default the newest, with its completeness by ``template``.

    The default template is the one for the model's risk tier. Where nobody has assessed the model it is the plain one.
    Raises NotFound. Also raises InvalidInput for an unknown template.
    """
    revisions = card_history(version)
    revision = get_card(version, number)
    tier = tier_of(version)
    chosen = find_template(template or (BY_TIER if tier else PLAIN), tier=tier)
    written = written_keys(revision.body)
    refs = {requirement.key: requirement.ref for requirement in requirements_for(chosen, tier)}
    return CardPage(
        version=version,
        revision=revision,
        newest=revisions[0],
        tier=tier,
        template=chosen,
        sections=[_section(section, revision.body, refs) for section in Section],
        measured=completeness(written, chosen, tier),
        scores=[completeness(written, each, tier) for each in newest_templates()],
        revisions=revisions,
    )


def tier_of(version: ModelVersion) -> str:
    """Return the risk tier of a version's model, "" where nobody has assessed it."""
    return tiers_of([version.model_id]).get(version.model_id, "")


def diff_fields(before: Body, after: Body) -> list[FieldDiff]:
    """Return the fields that differ between two cards, each compared word by word."""
    changes = diff_bodies(before, after)
    # The evaluation repeats the latest values of the metrics: the page shows their change once.
    repeated = {"metrics"} if any(change.field.key == "evaluation" for change in changes) else set()
    return [
        FieldDiff(change.field, _text_pieces(*change.texts)) for change in changes if change.field.key not in repeated
    ]


def _section(section: Section, body: Mapping[str, Any], refs: Mapping[str, str]) -> SectionView:
    # The evaluation repeats the latest values of the metrics, so `metrics` is shown only on cards without one.
    fields = [each for each in fields_of(section) if each.key != "metrics" or says_nothing(body.get("evaluation"))]
    views = [_view(field, body.get(field.key) or {}, refs.get(field.key, "")) for field in fields]
    # Measured fields are shown even when empty: the reader must see that nothing was logged.
    field_views = [view for view in views if view.required_by or not view.is_empty or not view.field.human]
    hidden = [view.field.title for view in views if view not in field_views]
    return SectionView(section.value, sorted(field_views, key=lambda view: not view.required_by), hidden)


def _view(field: Field, entry: Mapping[str, Any], required_by: str) -> FieldView:
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
        source_url=page_url(pointer),
        required_by=required_by,
        is_empty=says_nothing(entry),
    )


def _origin(source: str, pointer: str) -> str:
    if not pointer:
        return ""
    verb = {"human": "written by", "imported": "imported from"}.get(source, "from")
    return f"{verb} {ref_label(pointer)}"


def _pairs(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [_pair(str(key), item) for key, item in value.items() if item not in ("", None)]


def _pair(key: str, value: object) -> tuple[str, str]:
    """Return a key and its value as text: milliseconds as a time, the state of a run as text."""
    moment = from_ms(value) if key.endswith("_ms") and isinstance(value, int) else None
    if moment is not None:
        return key.removesuffix("_ms"), exact(moment)
    if key == "status" and isinstance(value, str):
        return key, state_label("run", value).text.lower()
    return key, _short(value)


def _table(field: Field, value: object) -> tuple[list[str], list[list[str]]]:
    """Return the columns of a table that are not empty, and its rows."""
    entries = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
    # The node in the lineage graph is left out: the name and the digest identify it for people.
    columns = [column for column in field.columns if column != "node" and any(row.get(column) for row in entries)]
    rows = [[str(row.get(column) or "") for column in columns] for row in entries]
    return [column.replace("_", " ") for column in columns], rows


def _short(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_short(item) for item in value)
    if isinstance(value, dict):
        return " ".join(_short(item) for item in value.values())
    return str(value)


def _text_pieces(before: str, after: str) -> list[tuple[str, str]]:
    """Return the pieces of both texts in order, each a kind (`same`, `del`, `ins`) and a text with its white space."""
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    pieces: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("same", "".join(old[a:b])))
            continue
        pieces += [(name, text) for name, text in (("del", "".join(old[a:b])), ("ins", "".join(new[c:d]))) if text]
    return pieces


def field_titles(keys: tuple[str, ...]) -> list[str]:
    """Return the titles of the fields with these keys, in the card's order."""
    return [field.title for field in FIELDS if field.key in keys]
