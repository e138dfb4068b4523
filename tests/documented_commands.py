"""The commands of docs/operations.md, as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.installation import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^ *```sh\n(.*?)```", re.DOTALL | re.MULTILINE)
_FENCE = re.compile(r"^ *```.*?```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_COMMAND = re.compile(
    r"(\w+=\S+ )*(\./)?(manage\.py [a-z]|script/|granian|celery|createdb|kubectl|pip|apt-get|git|python3|\.venv/)"
)


def commands_between(first: str, last: str) -> list[str]:
    """Return the commands of the blocks between two headings of the page."""
    section = PAGE.partition(f"\n{first}\n")[2].partition(f"\n{last}\n")[0]
    return _lines(section)


def documented_commands() -> set[str]:
    """Return every command of the page: the lines of its blocks, and commands in its sentences and tables."""
    inline = (" ".join(code.split()) for code in _CODE.findall(_FENCE.sub("", PAGE)))
    return {*_lines(PAGE), *(code for code in inline if _COMMAND.match(code))}


def run_documented(line: str, environment: Mapping[str, str], paths: Mapping[str, Path], typed: str = "") -> str:
    """Run a command of the page with other paths, and return what it printed; ``typed`` are the lines of its input."""
    for written, real in paths.items():
        line = line.replace(written, str(real))
    done = subprocess.run(
        ["/bin/bash", "-c", line],
        cwd=ROOT,
        env={**environment, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # without a terminal passwords are read from the input
    )
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


def _lines(text: str) -> list[str]:
    return [line.strip() for block in _BLOCK.findall(text) for line in block.splitlines() if line.strip()]
