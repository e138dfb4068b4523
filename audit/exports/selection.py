"""The events of an export, and the claims that it can prove."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from django.db import connection
from django.db.models import Max, Min, Q, QuerySet

from audit.models import Leaf
from audit.transparency.entries import entry_bytes
from audit.transparency.state import published
from audit.transparency.tiles import ENTRIES, entries_of
from audit.transparency.tree import WIDTH
from audit.verifier.audit_verify import ASSERTED, MODEL, PROVEN, RANGE, SELECTION, WHOLE_LOG
from core.times import iso_utc

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an export; "" and None for everything. ``actor`` is a name; since ≤ time < until."""

    model: str = ""
    version: str = ""
    object: str = ""
    actor: str = ""
    action: str = ""
    outcome: str = ""
    request: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None

    def as_dict(self) -> dict[str, str]:
        """Return the filters that are set, as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            key: iso_utc(value, "microseconds") if isinstance(value, datetime.datetime) else value
            for key, value in values.items()
            if value
        }

    @property
    def kind(self) -> str:
        """Return the kind of claim that these filters allow."""
        names = set(self.as_dict())
        if not names:
            return WHOLE_LOG
        if names == {"model"}:
            return MODEL
        return RANGE if names <= {"since", "until"} else SELECTION


@dataclass(frozen=True, slots=True)
class Selection:
    """The leaves of a log that filters choose below a size; ``stream`` is that of the model, if one is named."""

    log: int
    origin: str
    size: int
    stream: str
    filters: Filters

    def claim(self) -> dict[str, Any]:
        """Return the parts of the claim that do not depend on the events themselves."""
        kind = self.filters.kind
        complete = {
            WHOLE_LOG: f"all events with the numbers 0 to {self.size - 1}: proven by the checkpoint",
            MODEL: (
                "generations 1 to the last one here: proven by the checkpoint; that no later one is below its size: "
                "asserted and signed"
            ),
            RANGE: "all events with these numbers: proven by the checkpoint",
            SELECTION: "each event: proven by the checkpoint; that no other one matches: asserted and signed",
        }
        claim = {"kind": kind, "completeness": ASSERTED if kind == SELECTION else PROVEN, "says": complete[kind]}
        return claim | ({"stream": self.stream} if kind == MODEL else {})

    def count(self) -> int:
        """Return the number of events."""
        return self.size if self.filters.kind == WHOLE_LOG else self._rows().count()

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and exact bytes of each entry, in the order of the log. Raises TilesUnreadable."""
        if self.filters.kind == WHOLE_LOG:
            yield from self._published()
            return
        rows = self._rows().order_by("seq").values_list("seq", "gen", "stream", "event__body")
        for seq, gen, stream, body in rows.iterator(chunk_size=_ROWS_AT_ONCE):
            yield seq, entry_bytes(bytes(body), gen=gen, seq=seq, stream=stream)

    def _published(self) -> Iterator[tuple[int, bytes]]:
        folder = published(self.origin)
        for number in range(-(-self.size // WIDTH)):
            width = min(WIDTH, self.size - number * WIDTH)
            yield from enumerate(entries_of(folder.read(ENTRIES, number, width)), start=number * WIDTH)

    def _rows(self) -> QuerySet[Leaf]:
        rows = Leaf.objects.filter(self._conditions(), log=self.log, seq__lt=self.size)
        if self.filters.kind != RANGE:
            return rows
        # By number: an event in between that is dated outside, because its transaction took long, is part of the range.
        ends = rows.aggregate(first=Min("seq"), last=Max("seq"))
        if ends["first"] is None:
            return Leaf.objects.none()
        return Leaf.objects.filter(log=self.log, seq__gte=ends["first"], seq__lte=ends["last"])

    def _conditions(self) -> Q:
        chosen = self.filters
        lookups = {
            "stream": self.stream,
            "event__object_ref": chosen.object,
            "event__actor_name": chosen.actor,
            "event__action": chosen.action,
            "event__outcome": chosen.outcome,
            "event__request_id": chosen.request,
            "event__at__gte": chosen.since,
            "event__at__lt": chosen.until,
        }
        conditions = Q(**{key: value for key, value in lookups.items() if value})
        if chosen.version:
            # Version refs in a model's stream are its own, whatever its name was then.
            conditions &= Q(
                event__object_ref__startswith="model-version:", event__object_ref__endswith=f"/{chosen.version}"
            )
        return conditions


def needs_transaction() -> bool:
    """Return whether rows can only be streamed in a transaction. On SQLite one would lock out all writers."""
    return connection.vendor == "postgresql"
