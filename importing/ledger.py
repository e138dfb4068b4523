"""The ledger of an import: the items that were imported from one origin, and their ids here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from importing.models import Item, ItemKind, Origin


class Ledger:
    """The imported items of an origin, in memory and in the database. The first imported item creates the origin."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._targets: dict[tuple[str, str], str] = {}
        self._origin = Origin.objects.filter(name=name).first()
        if self._origin is not None:
            rows = self._origin.items.values_list("kind", "source_id", "target_id")
            self._targets = {(kind, source): target for kind, source, target in rows.iterator(chunk_size=10_000)}

    def target(self, kind: ItemKind, source_id: str) -> str:
        """Return the id here of an item of the source, "" where it was not imported."""
        return self._targets.get((kind.value, source_id), "")

    @contextmanager
    def importing(self, kind: ItemKind, source_id: str) -> Iterator[list[str]]:
        """Run a block that imports one item and appends its new id to the list. Item and ledger entry commit together.

        A block that appends no id leaves no entry.
        """
        targets: list[str] = []
        with transaction.atomic():
            yield targets
            if self._origin is None:
                self._origin = Origin.objects.get_or_create(name=self._name)[0]
            for target in targets[:1]:
                Item.objects.create(origin=self._origin, kind=kind, source_id=source_id, target_id=target)
        for target in targets[:1]:  # after the commit, so that a failed transaction adds nothing
            self._targets[kind.value, source_id] = target

    def finish(self) -> None:
        """Store that an import is complete."""
        if self._origin is not None:
            self._origin.last_finished_at = timezone.now()
            self._origin.save(update_fields=["last_finished_at"])
