"""Files that other apps put into an export, such as the conformity pack of a version.

This app knows none of them, so it asks the callables in ``AUDIT_ANNEXES``, in order: ``(name, log) -> files``, None for
a name that is not theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from audit.models import Event, Leaf
from audit.transparency.proofs import TreeReader, proof_text
from audit.transparency.state import published
from audit.verifier.audit_verify import Checkpoint
from core.errors import NotFound

File = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class SignedLog:
    """A log by its number, at a signed checkpoint."""

    number: int
    checkpoint: Checkpoint

    def proofs(self, events: Iterable[Event]) -> Iterator[File]:
        """Yield the inclusion proof of each event that the checkpoint covers, as `proofs/<number>.tlog-proof`.

        Raises TilesUnreadable.
        """
        tree = TreeReader(published(self.checkpoint.origin), self.checkpoint.size)
        ids = [event.pk for event in events]
        leaves = Leaf.objects.filter(log=self.number, event_id__in=ids, seq__lt=self.checkpoint.size)
        for seq in leaves.order_by("seq").values_list("seq", flat=True):
            yield f"proofs/{seq}.tlog-proof", proof_text(seq, tree.inclusion(seq), self.checkpoint.note)


class Annex(Protocol):
    """The interface of an entry of AUDIT_ANNEXES."""

    def __call__(self, name: str, log: SignedLog) -> Iterable[File] | None:
        """Return the files of an annex, None for a name that is not of this kind. Raises NotFound, Unavailable."""


def annex_files(name: str, log: SignedLog) -> Iterable[File]:
    """Return the files of an annex, none for the name "". Raises NotFound for an unknown name, Unavailable."""
    if not name:
        return ()
    for path in settings.AUDIT_ANNEXES:
        annex: Annex = import_string(path)
        files = annex(name, log)
        if files is not None:
            return files
    raise NotFound(f"There is no annex {name}.")
