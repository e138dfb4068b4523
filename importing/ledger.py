"""The memory of an import: what has come from one origin, and what it is called here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from importing.models import Item, ItemKind, Origin


class Ledger:
    """All items of an origin, held in memory; nothing is written before the first thing comes."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[tuple[str, str], str] = {}
        self._origin = Origin.objects.filter(name=name).first()
        if self._origin is not None:
            rows = self._origin.items.values_list("kind", "source_id", "target_id")
            self._known = {(kind, source): target for kind, source, target in rows.iterator(chunk_size=10_000)}

    def target(self, kind: ItemKind, source_id: str) -> str:
        """Return what the thing is called here, "" where it has not come."""
        return self._known.get((kind.value, source_id), "")

    @contextmanager
    def bringing(self, kind: ItemKind, source_id: str) -> Iterator[list[str]]:
        """Run a block that brings one thing and puts its id here into the list: thing and memory commit together."""
        said: list[str] = []
        with transaction.atomic():
            yield said
            if self._origin is None:
                self._origin = Origin.objects.get_or_create(name=self._name)[0]
            for target in said[:1]:
                Item.objects.create(origin=self._origin, kind=kind, source_id=source_id, target_id=target)
        for target in said[:1]:  # only now: a transaction that failed is not remembered
            self._known[kind.value, source_id] = target

    def finish(self) -> None:
        """Note that an import came to its end."""
        if self._origin is not None:
            self._origin.last_finished_at = timezone.now()
            self._origin.save(update_fields=["last_finished_at"])
