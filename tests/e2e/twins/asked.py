"""Requests as lines of a text file: what is asked of both servers, and what is meant to differ.

    METHOD path {"field": …} [| keep name=place.in.answer …] [| ignore field …] [| but STATUS ERROR_CODE]

The path is below /api/2.0/mlflow/ unless it begins with a slash. Fields go into the query of a GET and into the JSON of
all else; `RAW {…}` hands its options to requests as they are. `{name}` is an id that an earlier answer of the same
server gave. `keep` takes such ids, `ignore` names fields that may differ, `but` says what Custody means to answer
instead. `"${x*250}"` is a text of 250 x, `{"$times": [101, …]}` a list of so many, `#` their number. Lines with `#`
first are for readers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).with_name("requests")
_LINE = re.compile(r"(?P<method>[A-Z]+) (?P<path>\S+)(?: (?P<raw>RAW )?(?P<fields>\{.*\}))?")
_MANY = re.compile(r"\$\{(.)\*(\d+)\}", re.DOTALL)


@dataclass(frozen=True)
class Asked:
    """One request. ``options`` are those of `requests.request`."""

    line: str
    method: str
    path: str
    options: Mapping[str, Any]
    keep: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    but: tuple[int, str] | None = None


def areas() -> list[str]:
    """Return the names of the files."""
    return sorted(path.stem for path in _FOLDER.glob("*.txt"))


def requests_of(area: str) -> list[Asked]:
    """Return the requests of a file in their order."""
    lines = (_FOLDER / f"{area}.txt").read_text(encoding="utf-8").splitlines()
    return [_parsed(line) for line in lines if line and not line.startswith("#")]


def _parsed(line: str) -> Asked:
    request, *rest = line.split(" | ")
    found = _LINE.fullmatch(request)
    if found is None:
        raise ValueError(f"not understood: {line}")
    said = dict(part.split(" ", 1) for part in rest)
    status, _, code = said.get("but", "").partition(" ")
    return Asked(
        line=line,
        method=found["method"],
        path=found["path"] if found["path"].startswith("/") else f"/api/2.0/mlflow/{found['path']}",
        options=_options(found["method"], _grown(json.loads(found["fields"] or "{}")), raw=bool(found["raw"])),
        keep=dict(pair.split("=", 1) for pair in said.get("keep", "").split()),
        ignore=tuple(said.get("ignore", "").split()),
        but=(int(status), code) if status else None,
    )


def _options(method: str, fields: Mapping[str, Any], *, raw: bool) -> Mapping[str, Any]:
    if raw:
        return fields
    return {"params": fields} if method == "GET" else {"json": fields}


def _grown(value: Any, number: str = "#") -> Any:
    """Return a value with its many-times-something written out."""
    if isinstance(value, dict) and "$times" in value:
        count, one = value["$times"]
        return [_grown(one, str(index)) for index in range(count)]
    if isinstance(value, dict):
        return {key: _grown(inner, number) for key, inner in value.items()}
    if isinstance(value, list):
        return [_grown(inner, number) for inner in value]
    if isinstance(value, str):
        grown = _MANY.sub(lambda found: found[1] * int(found[2]), value)
        if number != "#":
            return int(number) if grown == "#" else grown.replace("#", number)
        return grown
    return value
