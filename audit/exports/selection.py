"""The events of an export, and the claims that it can prove."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Max, Min, Q, QuerySet
from django.utils.dateparse import parse_datetime

from audit.exports.claims import claim_of
from audit.identities.names import actor_keys, object_refs
from audit.models import Leaf
from audit.transparency.entries import entry_bytes
from audit.transparency.state import published
from audit.transparency.tiles import ENTRIES, TilesUnreadable, entries_of
from audit.transparency.tree import WIDTH
from audit.verifier.audit_verify import MODEL, RANGE, WHOLE_LOG, kind_of
from core.times import iso_utc

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of an export; "" and None select everything.

    ``actor`` is a name. The times are since ≤ time < until, the numbers first_seq ≤ number ≤ last_seq.
    """

    model: str = ""
    version: str = ""
    object: str = ""
    actor: str = ""
    action: str = ""
    outcome: str = ""
    request: str = ""
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    first_seq: int | None = None
    last_seq: int | None = None

    def as_dict(self) -> dict[str, str]:
        """Return the filters that are set, as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {key: _text(value) for key, value in values.items() if value not in ("", None)}

    @property
    def kind(self) -> str:
        """Return the kind of claim that these filters allow."""
        return kind_of(self.as_dict())


def filters_of(stored: dict[str, str]) -> Filters:
    """Return the filters that `Filters.as_dict` has written as text."""
    values: dict[str, Any] = dict(stored)
    values |= {key: parse_datetime(stored[key]) for key in ("since", "until") if key in stored}
    values |= {key: int(stored[key]) for key in ("first_seq", "last_seq") if key in stored}
    return Filters(**values)


def _text(value: object) -> str:
    return iso_utc(value, "microseconds") if isinstance(value, datetime.datetime) else str(value)


@dataclass(frozen=True, slots=True)
class Selection:
    """The leaves of a log below a size that match filters; ``stream`` is that of the named model, "" for none."""

    log: int
    origin: str
    size: int
    stream: str
    filters: Filters

    def claim(self) -> dict[str, Any]:
        """Return the parts of the claim that do not depend on the events themselves."""
        return claim_of(self.filters.as_dict()) | ({"stream": self.stream} if self.filters.kind == MODEL else {})

    def entries(self) -> Iterator[tuple[int, bytes]]:
        """Yield number and exact bytes of each entry, in the order of the log. Raises TilesUnreadable."""
        if self.filters.kind == WHOLE_LOG:
            yield from self._published()
            return
        # In pages, so that no transaction stays open: others see the progress, and can write on SQLite.
        rows = self._rows().order_by("seq").values_list("seq", "gen", "stream", "event__body")
        last = -1
        while page := list(rows.filter(seq__gt=last)[:_ROWS_AT_ONCE]):
            for seq, gen, stream, body in page:
                yield seq, entry_bytes(bytes(body), gen=gen, seq=seq, stream=stream)
            last = page[-1][0]

    def entries_of(self, event_ids: Iterable[str]) -> Iterator[bytes]:
        """Yield the lines of these events, whether selected or not, in the order of the log."""
        rows = Leaf.objects.filter(log=self.log, seq__lt=self.size, event__event_id__in=list(event_ids)).order_by("seq")
        for seq, gen, stream, body in rows.values_list("seq", "gen", "stream", "event__body"):
            yield entry_bytes(bytes(body), gen=gen, seq=seq, stream=stream) + b"\n"

    def _published(self) -> Iterator[tuple[int, bytes]]:
        folder = published(self.origin)
        for number in range(-(-self.size // WIDTH)):
            width = min(WIDTH, self.size - number * WIDTH)
            entries = entries_of(folder.read(ENTRIES, number, width))
            if len(entries) != width:
                raise TilesUnreadable(f"The entry bundle {number} has {len(entries)} entries, and {width} were signed.")
            yield from enumerate(entries, start=number * WIDTH)

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
            "event__object_ref__in": object_refs(chosen.object) if chosen.object else None,
            "event__actor_key__in": actor_keys(chosen.actor) if chosen.actor else None,
            "event__action": chosen.action,
            "event__outcome": chosen.outcome,
            "event__request_id": chosen.request,
            "event__at__gte": chosen.since,
            "event__at__lt": chosen.until,
            "seq__gte": chosen.first_seq,
            "seq__lte": chosen.last_seq,
        }
        conditions = Q(**{key: value for key, value in lookups.items() if value not in ("", None)})
        if chosen.version:
            # All version references in the stream of a model are of that model, whatever its name was then.
            conditions &= Q(
                event__object_ref__startswith="model-version:", event__object_ref__endswith=f"/{chosen.version}"
            )
        return conditions
