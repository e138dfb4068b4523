"""Croissant documents for tests: the recorded ones, and short ones."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

Json = dict[str, Any]


def recorded(name: str) -> Json:
    """Return a recorded document."""
    text = (Path(__file__).parent / "recorded" / f"{name}.json").read_text(encoding="utf-8")
    document: Json = json.loads(text)
    return document


def digest_of(content: str) -> str:
    """Return the SHA-256 of a file with a content."""
    return sha256(content.encode()).hexdigest()


def document(name: str = "orders", version: str | None = "v1", *contents: str) -> Json:
    """Return a document of a dataset with a file for each content."""
    files = [
        {"@type": "cr:FileObject", "name": f"{number}.csv", "contentUrl": f"{number}.csv", "sha256": digest_of(content)}
        for number, content in enumerate(contents)
    ]
    named = {"version": version} if version is not None else {}
    return {"@type": "sc:Dataset", "name": name, "distribution": files, **named}
