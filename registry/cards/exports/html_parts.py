"""HTML of facts for pages that are read and printed: pairs, tables and lists, everything escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape


def pairs_html(rows: Mapping[str, object]) -> str:
    """Return names with their values; one without a value is left out. A list of records becomes a table."""
    texts = {label_of(key): _value_html(value) for key, value in rows.items()}
    return f"<dl>{''.join(f'<dt>{escape(key)}</dt><dd>{html}</dd>' for key, html in texts.items() if html)}</dl>"


def table_html(rows: Iterable[Mapping[str, object]], *, columns: Sequence[str]) -> str:
    """Return a table. Each cell names its column too, for narrow screens, which show a row as a list."""
    labels = [label_of(name) for name in columns]
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in labels)
    body = "".join(
        f"<tr>{''.join(_cell(label, row.get(name)) for name, label in zip(columns, labels, strict=True))}</tr>"
        for row in rows
    )
    return f'<div class="wide"><table class="rows"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def columns_with_text(rows: Sequence[Mapping[str, object]], *, among: Iterable[str]) -> list[str]:
    """Return those of the names for which any row says something."""
    return [name for name in among if any(_text(row.get(name)) for row in rows)]


def list_html(items: Iterable[object]) -> str:
    """Return a list of texts."""
    return f"<ul>{''.join(f'<li>{escape(str(item))}</li>' for item in items)}</ul>"


def label_of(name: str) -> str:
    """Return the name of a field as a heading."""
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


def _cell(label: str, value: object) -> str:
    text = _text(value)
    return f'<td data-label="{escape(label)}">{escape(text)}</td>' if text else '<td class="empty"></td>'


def _value_html(value: object) -> str:
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        names = dict.fromkeys(name for row in value for name in row)
        return table_html(value, columns=columns_with_text(value, among=names))
    return escape(_text(value))


def _text(value: object) -> str:
    """Return a value as text, "" for one that says nothing."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        texts = {key: _text(item) for key, item in value.items()}
        return "; ".join(f"{key}: {text}" for key, text in texts.items() if text)
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(_text, value)))
    return "" if value is None else str(value)
