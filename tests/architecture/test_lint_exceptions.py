"""Every exception from a lint rule says why on its line: in the code and in the configuration of the tools."""

from __future__ import annotations

import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, name_of

# An exception as the tools read it, and everything that follows it in the same comment.
EXCEPTION = re.compile(
    r"(?:noqa(?::\s*[A-Z]+\d+(?:\s*,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[^\]]*\])?|pragma:\s*no (?:cover|branch)|nosec)"
    r"(?![A-Za-z])(?P<after>.*)"
)
WORD = re.compile(r"[A-Za-z]{2,}")
# Where pyproject.toml makes exceptions: table → keys (none: all of its keys).
EXCEPTIONS: dict[str, set[str]] = {
    "tool.ruff": {"extend-exclude"},
    "tool.ruff.lint": {"ignore"},
    "tool.ruff.lint.per-file-ignores": set(),
    "tool.mypy": {"exclude"},
    "tool.mypy.overrides": {"ignore_missing_imports", "ignore_errors"},
    "tool.coverage.run": {"omit"},
    "tool.coverage.report": {"exclude_also"},
    "tool.pytest.ini_options": {"filterwarnings"},
}


def comments_of(path: Path) -> list[tuple[int, str]]:
    """Return (line, text) of every comment of a Python file."""
    with path.open("rb") as stream:
        tokens = list(tokenize.tokenize(stream.readline))
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


def may_lack_reason(path: Path) -> bool:
    """Return whether a line of a file could be an exception without a reason: reading its tokens takes longer."""
    return any(lacks_reason(line) for line in path.read_text(encoding="utf-8").splitlines())


def python_files() -> list[Path]:
    """Return every Python file under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", "*.py"],  # noqa: S607 - git as on the PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def lacks_reason(comment: str) -> bool:
    """Return whether a comment makes an exception and has no word after it."""
    exception = EXCEPTION.search(comment)
    return exception is not None and not WORD.search(exception["after"])


def test_every_exception_in_the_code_says_why() -> None:
    lacking = [
        f"{name_of(path)}:{line}: {comment}"
        for path in python_files()
        if may_lack_reason(path)
        for line, comment in comments_of(path)
        if lacks_reason(comment)
    ]
    assert lacking == []


def test_an_exception_in_the_code_without_a_reason_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('text = "# noqa"\nsubprocess.run(it)  # noqa: S603\n')
    assert may_lack_reason(module)
    assert [line for line, comment in comments_of(module) if lacks_reason(comment)] == [2]


@pytest.mark.parametrize(
    ("comment", "lacks"),
    [
        ("# noqa: S603", True),
        ("# noqa: ARG001, ARG002", True),
        ("# noqa", True),
        ("# noqa: S603 - our own command", False),
        ("# type: ignore[attr-defined]", True),
        ("# type: ignore[attr-defined]  # set above", False),
        ("# pragma: no cover", True),
        ("# pragma: no cover - runs in a child process", False),
        ("# nosec", True),
        ("# why it is so", False),
    ],
)
def test_what_counts_as_a_reason(comment: str, lacks: bool) -> None:
    assert lacks_reason(comment) is lacks


def exceptions_in(configuration: str) -> Iterator[tuple[str, bool]]:
    """Yield every line of a pyproject.toml that makes an exception, and whether it or the line above is a comment."""
    section = key = above = ""
    for line in configuration.splitlines():
        if header := re.fullmatch(r"\[+([\w.-]+)\]+", line):
            section, key = header[1], ""
        elif assigned := re.match(r"(\"[^\"]+\"|[\w-]+) = ", line):
            key = assigned[1]
        makes_one = any(section == table and key in (keys or {key}) for table, keys in EXCEPTIONS.items())
        value = line.partition(" = ")[2] or line
        if makes_one and not header and re.search(r"\w", value.partition("#")[0]):
            yield line, "#" in line or above.lstrip().startswith("#")
        above = line


def test_every_exception_in_the_configuration_says_why() -> None:
    found = list(exceptions_in((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    assert len(found) > 20
    assert [line for line, explained in found if not explained] == []


def test_an_exception_in_the_configuration_without_a_reason_is_found() -> None:
    lines = ["[tool.ruff.lint]", "ignore = [", '  "N818",', '  "E501",  # the formatter breaks lines', "]", "max = 3"]
    assert list(exceptions_in("\n".join(lines))) == [('  "N818",', False), (lines[3], True)]
