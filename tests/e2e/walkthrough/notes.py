"""What one script of the walkthrough tells the next: a JSON file in the working directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FILE = Path("notes.json")


def recall() -> dict[str, Any]:
    """Return everything noted so far."""
    return json.loads(_FILE.read_text(encoding="utf-8")) if _FILE.exists() else {}


def note(**facts: Any) -> None:
    """Note more."""
    _FILE.write_text(json.dumps(recall() | facts), encoding="utf-8")
