"""A card as one self-contained HTML page, for print and the conformity pack: no scripts, no external resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from registry.cards.document import CardSource
from registry.cards.exports.html_parts import columns_with_text, list_html, table_html
from registry.cards.fields import FIELDS, Field, Kind, Section
from registry.cards.values import says_nothing
from registry.markdown import markdown_html

PRINT_STYLE = """
:root { color-scheme: light; }
body { font: 11pt/1.5 system-ui, "Segoe UI", sans-serif; color: #16181d; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; border-bottom: 1px solid #c9ced6; margin: 2rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .2rem; } .from { font-weight: 400; font-size: .8rem; color: #5b6472; }
.meta, footer { font-size: .85rem; color: #5b6472; } .none { color: #8a5a00; }
p, h3, li { overflow-wrap: anywhere; } .wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%;
font-size: .9rem; } th, td { text-align: left; vertical-align: top; padding: .25rem .5rem; border: 1px solid #d9dde3;
overflow-wrap: break-word; } td:last-child, code { overflow-wrap: anywhere; } .rows th:last-child { width: 45%; }
dl { display: grid; grid-template-columns: minmax(8rem, 14rem) 1fr; gap: .15rem 1rem; margin: .2rem 0; } dd { margin: 0;
overflow-wrap: anywhere; } dd:has(.wide) { grid-column: 1 / -1; } dt { color: #5b6472; }
@media screen and (max-width: 34rem) { dl { grid-template-columns: 1fr; } dt { margin-top: .4rem; } .rows thead { display: none; }
.rows, .rows tbody, .rows tr, .rows td { display: block; } .rows td { border: 0; } .rows .empty { display: none; }
.rows tr { border-top: 1px solid #d9dde3; padding: .4rem 0; } .rows td::before { content: attr(data-label) ": "; color: #5b6472; } }
@page { size: A4; margin: 18mm; }
@media print { body { margin: 0; max-width: none; font-size: 9.5pt; } h2, h3 { break-after: avoid; } tr, dl { break-inside: avoid; } }
"""


def to_html(card: CardSource) -> str:
    """Return the page. Every text that people wrote is sanitised or escaped."""
    return "\n".join(_page(card))


def _page(card: CardSource) -> Iterator[str]:
    title = f"Model card of {escape(card.model)} v{card.version}"
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{PRINT_STYLE}</style></head><body>'
    tier = f"risk tier {escape(card.tier)}" if card.tier else "risk not assessed"
    yield f"<header><h1>{title}</h1>"
    yield f'<p class="meta">Revision {card.number} by {escape(card.author)} · {tier} · stage {escape(card.stage)}</p></header>'
    yield from _approvals(card)
    for section in Section:
        yield from _section(card, section)
    yield f"<footer><p>SHA-256 of the card: <code>{card.digest}</code>"
    files = escape(card.artifact_digest) or "not stored on this server"
    yield f"<br>Files: <code>{files}</code></p></footer></body></html>\n"


def _section(card: CardSource, section: Section) -> Iterator[str]:
    # The evaluation repeats the latest values of the metrics.
    repeated = "" if says_nothing(card.body.get("evaluation")) else "metrics"
    rendered = [
        field
        for field in FIELDS
        if field.section is section and field.key != repeated and not says_nothing(card.body.get(field.key))
    ]
    if not rendered:
        return
    yield f"<section><h2>{section.value}</h2>"
    for field in rendered:
        entry = card.body[field.key]
        origin = f"{entry.get('source', '')} {entry.get('pointer', '')}".strip()
        yield f'<h3>{escape(field.title)} <span class="from">{escape(origin)}</span></h3>'
        yield field_html(field, entry.get("value"))
    yield "</section>"


def _approvals(card: CardSource) -> Iterator[str]:
    if not card.approvals:
        return
    yield "<section><h2>Approvals</h2>"
    for row in card.approvals:
        title = escape(f"{row.get('reviewer', '')}: {row.get('decision', '')}")
        details = (f"<dt>{escape(key.replace('_', ' '))}</dt><dd>{escape(value)}</dd>" for key, value in row.items())
        yield f"<h3>{title}</h3><dl>{''.join(details)}</dl>"
    yield "</section>"


def field_html(field: Field, value: Any) -> str:
    """Return the value of a field as HTML. Texts that people wrote are sanitised or escaped."""
    if field.kind is Kind.TEXT and isinstance(value, str):
        return markdown_html(value)
    if isinstance(value, Mapping):
        pairs = (f"<dt>{escape(str(key))}</dt><dd>{_inline(item)}</dd>" for key, item in value.items())
        return f"<dl>{''.join(pairs)}</dl>"
    if field.kind is Kind.ROWS and isinstance(value, list):
        rows = [row for row in value if isinstance(row, Mapping)]
        return table_html(rows, columns=columns_with_text(rows, among=field.columns))
    if isinstance(value, list):
        return list_html(value)
    return f"<p>{escape(str(value))}</p>"


def _inline(item: object) -> str:
    if isinstance(item, list):
        return escape(
            ", ".join(" ".join(map(str, each.values())) if isinstance(each, Mapping) else str(each) for each in item)
        )
    return escape(str(item))
