"""Documents are easy to read: short lines, short paragraphs, headings; and every path and decision that they name
exists.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT

LONGEST_LINE = 120
LONGEST_PARAGRAPH = 5
# In the reference: paragraphs under one heading, and characters of a cell in a table.
MOST_PARAGRAPHS = 4
LONGEST_CELL = 160
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
GUIDES = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]
DOCUMENTS = [*GUIDES, *DECISIONS]
REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
# A path in a document: it ends with a slash or a suffix, and begins with a folder or file at the top of the repository.
_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)(?::[ \w]+)?`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# Files inside a conformity pack.
_ELSEWHERE = {"lineage/ancestors.json"}
_SUFFIXES = (".py", ".md", ".html", ".toml", ".sh", ".yaml", ".json", ".txt")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def prose(text: str) -> Iterator[list[str]]:
    """Yield the paragraphs of a document with their lines, without code, tables, headings and images."""
    paragraph: list[str] = []
    fenced = False
    for line in [*text.splitlines(), ""]:
        if line.lstrip().startswith("```"):
            fenced = not fenced
        begins = bool(re.match(r"\s*([-*]|\d+\.)\s", line))
        is_code = line.startswith("    ") and not paragraph
        outside = fenced or is_code or not line.strip() or line.lstrip().startswith(("#", "|", "!", "```"))
        if paragraph and (outside or begins):
            yield paragraph
            paragraph = []
        if not outside:
            paragraph.append(line)


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_lines_and_paragraphs_are_short(path: Path) -> None:
    for paragraph in prose(path.read_text(encoding="utf-8")):
        too_long = [line for line in paragraph if len(line) > LONGEST_LINE and " " in line.strip()]
        assert too_long == [], f"lines of at most {LONGEST_LINE} characters"
        assert len(paragraph) <= LONGEST_PARAGRAPH, f"at most {LONGEST_PARAGRAPH} lines a paragraph: {paragraph[0]}"


def paragraphs_under_headings(text: str) -> dict[str, int]:
    """Return the number of paragraphs under each heading; list items are not counted."""
    counts: dict[str, int] = {}
    for part in re.split(r"^(?=#+ )", text, flags=re.MULTILINE):
        lines = [paragraph[0] for paragraph in prose(part.partition("\n")[2])]
        counts[part.partition("\n")[0]] = sum(not re.match(r"\s*([-*]|\d+\.)\s", line) for line in lines)
    return counts


def test_each_topic_of_the_reference_has_its_own_heading() -> None:
    counts = paragraphs_under_headings(REFERENCE)
    assert {heading for heading, count in counts.items() if count > MOST_PARAGRAPHS} == set()


def test_the_tables_of_the_reference_can_be_read() -> None:
    """A long cell is a paragraph in disguise. The tables of checks are generated from the checks' own descriptions."""
    before, _, rest = REFERENCE.partition("\n## Checks\n")
    text = before + rest.partition("\n### ")[2]
    cells = [
        cell.strip() for line in text.splitlines() if line.startswith("|") for cell in re.split(r"(?<!\\)\|", line)
    ]
    assert [cell for cell in cells if len(cell) > LONGEST_CELL] == []


def test_the_test_of_headings_would_notice() -> None:
    assert paragraphs_under_headings("# A\n\none\n\ntwo\n\n- item\n\n## B\n\nthree\n") == {"": 0, "# A": 2, "## B": 1}


def test_the_test_would_notice() -> None:
    text = "# Title\n\none\ntwo\n\n- item\n  more\n- item\n\n```\ncode\n```\n| a | b |\n"
    assert list(prose(text)) == [["one", "two"], ["- item", "  more"], ["- item"]]


@pytest.mark.parametrize("path", DECISIONS, ids=shown)
def test_a_decision_has_its_number_and_a_claim_as_title(path: Path) -> None:
    number, _, slug = path.stem.partition("-")
    title = path.read_text(encoding="utf-8").partition("\n")[0]
    assert re.fullmatch(rf"# {number} [A-Z][^.:]+(: [^.]+)?", title), title
    assert len(number) == 4
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", slug)


def test_no_number_of_a_decision_is_given_twice() -> None:
    numbers = [path.stem[:4] for path in DECISIONS]
    assert len(numbers) == len(set(numbers))


def named_paths(text: str) -> set[str]:
    """Return the paths from the top of the repository that stand in backticks."""
    tops = {entry.name for entry in ROOT.iterdir()}
    found = {match for match in _PATH.findall(text) if match.endswith(("/", *_SUFFIXES))}
    return {path for path in found - _ELSEWHERE if path.split("/")[0] in tops}


@pytest.mark.parametrize("path", DOCUMENTS, ids=shown)
def test_every_path_that_a_document_names_exists(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    missing = {name for name in named_paths(text) if not (ROOT / name).exists()}
    links = {link.partition("#")[0] for link in _LINK.findall(text) if "://" not in link and not link.startswith("#")}
    missing |= {link for link in links if not (path.parent / link).exists()}
    assert missing == set()


@pytest.mark.parametrize(("name", "between"), [("docs/architecture.md", " | "), ("CONTRIBUTING.md", ", ")])
def test_the_line_of_layers_is_that_of_the_import_linter(name: str, between: str) -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "The layers, top to bottom")
    line = " → ".join(layer.replace(" | ", between) for layer in layers)
    assert f"    {line}\n" in (ROOT / name).read_text(encoding="utf-8")


def test_the_test_of_paths_would_notice() -> None:
    text = "`registry/stages.py: TRANSITIONS`, `docs/missing.md`, `model-version:a/1`, `registry/`, `core.errors`"
    assert named_paths(text) == {"registry/stages.py", "docs/missing.md", "registry/"}
