"""The answer to a question of an auditor: a table with notes, as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.errors import InvalidInput
from core.spreadsheets import csv_cell

# The most rows of an answer, so that one answer fits into a page request.
MAX_ROWS = 10_000
EVENT = "event"


@dataclass(frozen=True, slots=True)
class Answer:
    """A table of texts. ``columns`` maps the keys of a row to their labels; the key `event` holds an event's id.

    ``filters`` are the values that were asked about. ``notes`` say what the answer does not cover. ``stream`` is that
    of the model the question named, "" for the whole log.
    """

    question: str
    filters: Mapping[str, str]
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, str]]
    notes: Sequence[str] = ()
    stream: str = ""


def require_few(rows: Sequence[object]) -> None:
    """Raise InvalidInput for more rows than an answer may have."""
    if len(rows) > MAX_ROWS:
        raise InvalidInput(f"The answer has more than {MAX_ROWS} rows. Ask about one model.")


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return an answer as JSON values."""
    return {
        "question": answer.question,
        "filters": dict(answer.filters),
        "columns": [{"name": name, "label": label} for name, label in answer.columns.items()],
        "rows": [{name: row.get(name, "") for name in answer.columns} for row in answer.rows],
        "notes": list(answer.notes),
    }


def json_bytes(answer: Answer) -> bytes:
    """Return an answer as the bytes of a JSON file."""
    return orjson.dumps(answer_json(answer), option=orjson.OPT_INDENT_2) + b"\n"


def csv_bytes(answer: Answer) -> bytes:
    """Return the rows of an answer as the bytes of a CSV file with a header. No cell is a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(answer.columns)
    writer.writerows([csv_cell(row.get(name, "")) for name in answer.columns] for row in answer.rows)
    return out.getvalue().encode()
