"""Every command of docs/operations.md is run by a test, or `tests/documented_commands.toml` says why none runs it; and
each command of manage.py takes the options that are written there.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator

import pytest
from django.core.management import get_commands, load_command_class

from tests.architecture.source import ROOT
from tests.documented_commands import documented_commands

LISTED = tomllib.loads((ROOT / "tests" / "documented_commands.toml").read_text(encoding="utf-8"))
TESTS, NOT_RUN = LISTED["tests"], LISTED["not_run"]


def of_manage(command: str) -> Iterator[list[str]]:
    """Yield the arguments of each call of manage.py in a command."""
    for part in command.split("&&"):
        words = shlex.split(part.partition(" > ")[0])
        names = [number for number, word in enumerate(words) if word in {"manage.py", "./manage.py"}]
        if names and words[names[0] + 1 :]:
            yield words[names[0] + 1 :]


def test_every_command_is_listed_once() -> None:
    assert TESTS.keys() | NOT_RUN.keys() == documented_commands()
    assert not TESTS.keys() & NOT_RUN.keys()
    assert all(NOT_RUN.values())


def test_what_manage_does_is_run() -> None:
    assert [command for command in NOT_RUN if any(of_manage(command))] == []


@pytest.mark.parametrize("command", sorted(TESTS))
def test_the_named_test_exists_and_names_the_command(command: str) -> None:
    path, _, function = TESTS[command].partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {function}\(", text, re.MULTILINE)
    reads_the_page = "documented_commands" in text
    assert reads_the_page or all(name in text or name == "up" for name, *_ in of_manage(command))


@pytest.mark.parametrize("command", sorted(command for command in TESTS if any(of_manage(command))))
def test_manage_takes_what_is_documented(command: str) -> None:
    known = get_commands()
    for name, *arguments in of_manage(command):
        if name == "backup" and not arguments:
            continue  # the name of the command in a sentence
        load_command_class(str(known[name]), name).create_parser("manage.py", name).parse_args(arguments)
