"""The annex of an export with the texts of its events: one line of JSON for each, in the order of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import IO, Any, NamedTuple
from uuid import UUID

import orjson

from audit.texts.reading import TextRow, text_rows
from audit.verifier.audit_verify import TEXT_HASHES, Place, canonical, text_hashes_of

_AT_ONCE = 150


class EntryWithTexts(NamedTuple):
    """An entry of the log: its number, exact bytes, what they say, and the texts that its event commits to."""

    seq: int
    data: bytes
    facts: dict[str, Any]
    texts: dict[Place, Any]


class TextAnnex:
    """Writes the annex to ``file`` while the events are read. ``revealed`` and ``erased`` are the numbers of texts."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.revealed = self.erased = 0

    def entries(self, entries: Iterable[tuple[int, bytes]]) -> Iterator[EntryWithTexts]:
        """Yield entries with their texts. Each is read once: one that is erased meanwhile is the same in all files.

        A query for every 150 entries.
        """
        remaining = iter(entries)
        while part := [(seq, data, orjson.loads(data)) for seq, data in islice(remaining, _AT_ONCE)]:
            events = [facts["event"] for _, _, facts in part]
            rows = text_rows({UUID(event["event_id"]) for event in events if TEXT_HASHES in event})
            for seq, data, facts in part:
                event = facts["event"]
                texts = self._take(seq, event, rows.get(UUID(event["event_id"]), {})) if TEXT_HASHES in event else {}
                yield EntryWithTexts(seq, data, facts, texts)

    def counts(self) -> dict[str, int]:
        """Return the numbers of texts, for the manifest."""
        return {"erased": self.erased, "revealed": self.revealed}

    def _take(self, seq: int, event: dict[str, Any], rows: Mapping[Place, TextRow]) -> dict[Place, Any]:
        """Write the lines of an event and return its texts."""
        texts: dict[Place, Any] = {}
        for place, _ in text_hashes_of(event):
            row = rows.get(place)
            line: dict[str, Any] = {"place": list(place), "seq": seq}
            if row is None:
                line["missing"] = True  # somebody deleted the row: the verifier says so
            elif row.value is None:
                self.erased += 1
                line["erased"] = True
            else:
                self.revealed += 1
                line |= {"salt": row.salt, "value": row.text}
            if row is not None:
                texts[place] = row.text
            self.file.write(canonical(line) + b"\n")
        return texts
