"""Runs commands of manage.py one after the other in one process: starting Python and Django takes longer than most.

It reads a line of JSON for each command, ``{"arguments": ["issue_token", "ada"], "stdin": ""}``, and answers with one,
``{"code": 0, "output": "…", "error": "…"}``.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout

from django.core.management import execute_from_command_line
from django.db import connections


def answer(arguments: list[str], stdin: str) -> dict[str, object]:
    """Run a command and return its exit code and what it printed."""
    output, error = io.StringIO(), io.StringIO()
    code: object = 0
    sys.stdin = io.StringIO(stdin)
    with redirect_stdout(output), redirect_stderr(error):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as ended:
            code = ended.code
        finally:
            connections.close_all()
    return {"code": code, "output": output.getvalue(), "error": error.getvalue()}


def main() -> None:
    """Answer line after line until there are no more."""
    lines, answers = sys.stdin, sys.stdout
    for line in lines:
        asked = json.loads(line)
        print(json.dumps(answer(asked["arguments"], asked["stdin"])), file=answers, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
