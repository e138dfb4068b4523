#!/usr/bin/env python
"""Django's command line for Custody. `CUSTODY_DATA=DIR` points it at a running installation's data."""

import importlib.util
import os
import sys
from pathlib import Path

_OWN_PYTHON = Path(__file__).resolve().parent / ".venv" / "bin" / "python"


def _use_own_environment() -> None:
    """Run again under .venv, which script/up made, when this Python has no Django."""
    if importlib.util.find_spec("django") is None and _OWN_PYTHON.exists() and sys.prefix == sys.base_prefix:
        os.execv(_OWN_PYTHON, [str(_OWN_PYTHON), *sys.argv])  # noqa: S606 - our own interpreter


def _take_data_option(arguments: list[str]) -> None:
    """Put `--data DIR` of `up` into the environment: settings read it before any command parses its options."""
    for place, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name == "--data":
            given = value if equals else "".join(arguments[place + 1 : place + 2])
            if given:
                os.environ["CUSTODY_DATA"] = str(Path(given).resolve())


if __name__ == "__main__":
    _use_own_environment()
    if sys.argv[1:2] == ["up"]:
        _take_data_option(sys.argv[2:])
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
