"""Answers with long lists in constant memory: the rows are read and rendered in parts, and the JSON goes to a file.

The whole answer is written before its first byte is sent. So an error still has its own status, the database is not
held while a slow client reads, and the length of the answer is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import orjson
from django.conf import settings
from django.http import FileResponse, HttpResponse, HttpResponseBase

from core.errors import Unavailable

Json = dict[str, object]
_JSON = "application/json"
_PART = 200
_BYTES_IN_MEMORY = 1_000_000


@dataclass(frozen=True, slots=True)
class LongList:
    """An answer whose field ``name`` lists rows. ``other_fields`` are its others.

    ``render`` returns the JSON of the rows with some of the ``keys``. Without keys the answer has no such field.
    """

    name: str
    keys: Sequence[Any]
    render: Callable[[Sequence[Any]], list[Json]]
    other_fields: Json


class _WrittenAnswer(FileResponse):
    """An answer in a file, which is closed when the client has it or has gone. It has a Content-Length."""

    block_size = 64 * 1024


def json_response(answer: Json | LongList) -> HttpResponseBase:
    """Return the response of an answer. A list that is longer than a part is sent from a temporary file.

    Raises Unavailable: the disk has no room for the file.
    """
    if not isinstance(answer, LongList):
        return HttpResponse(orjson.dumps(answer), content_type=_JSON)
    if len(answer.keys) <= _PART:
        rows = answer.render(answer.keys)
        return HttpResponse(
            orjson.dumps({**({answer.name: rows} if rows else {}), **answer.other_fields}), content_type=_JSON
        )
    folder = str(settings.DATA_DIR)  # /tmp may be in memory
    file: IO[bytes] = SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY, dir=folder)  # noqa: SIM115 - the response closes it
    try:
        _write(answer, file)
        file.seek(0)
    except OSError as error:
        file.close()
        raise Unavailable(
            "The server has no room for so long an answer. Ask for fewer rows with max_results."
        ) from error
    except BaseException:
        file.close()
        raise
    return _WrittenAnswer(file, content_type=_JSON)


def _write(answer: LongList, file: IO[bytes]) -> None:
    """Write the JSON of an answer to a file, part by part."""
    file.write(b'{"' + answer.name.encode() + b'":[')
    separator = b""
    for start in range(0, len(answer.keys), _PART):
        if rows := answer.render(answer.keys[start : start + _PART]):
            file.write(separator + orjson.dumps(rows)[1:-1])
            separator = b","
    file.write(b"]" + (b"," if answer.other_fields else b"") + orjson.dumps(answer.other_fields)[1:])
