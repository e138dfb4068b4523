"""Templates, styles and scripts stay readable, and templates hold no scripts: short lines, no inline Alpine
expressions, one tag for dialog links.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

_LONGEST_LINE = 120
_ALPINE = re.compile(r"""\s((?:x-|@|:)[\w:.-]+)=(["'])(.*?)\2""", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_]\w*")
_INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)|\son[a-z]+\s*=|javascript:", re.IGNORECASE)

TEMPLATES = sorted((ROOT / "templates").rglob("*.*"))
STATIC = sorted(path for path in (ROOT / "static" / "custody").glob("*.*") if path.suffix in {".css", ".js"})


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [*TEMPLATES, *STATIC], ids=relative)
def test_no_line_is_too_long(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > _LONGEST_LINE] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_alpine_expressions_are_names(path: Path) -> None:
    """What a name does is in static/custody/alpine-components.js."""
    expressions = {match[1]: match[3] for match in _ALPINE.finditer(path.read_text())}
    assert {attribute: text for attribute, text in expressions.items() if not _NAME.fullmatch(text)} == {}


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_nothing_runs_inline(path: Path) -> None:
    assert not _INLINE_SCRIPT.search(path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=relative)
def test_dialogs_are_opened_by_the_tag_alone(path: Path) -> None:
    """`{% dialog_link %}` renders the attributes that load a dialog into the modal."""
    assert "#modal-content" not in path.read_text()


def test_the_tests_would_notice() -> None:
    assert [match[3] for match in _ALPINE.finditer('<a x-on:click="open = true" x-show="open">')] == [
        "open = true",
        "open",
    ]
    assert _INLINE_SCRIPT.search('<a onclick="x()">')
    assert _INLINE_SCRIPT.search("<script>x()</script>")
    assert not _INLINE_SCRIPT.search('<script src="x.js" defer></script>')
