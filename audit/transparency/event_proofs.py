"""The proof that an event is in the signed log, as a file that other people's software reads."""

from __future__ import annotations

from audit.models import Event, Leaf
from audit.queries import current_log
from audit.transparency.proofs import TreeReader, proof_text
from audit.transparency.signing import published_checkpoint
from audit.transparency.state import published
from audit.transparency.tiles import TilesUnreadable
from core.errors import Unavailable


def proof_of(event: Event) -> tuple[Leaf, bytes] | None:
    """Return the position of an event and its `.tlog-proof`, None while no checkpoint covers it. Raises Unavailable."""
    log = current_log()
    checkpoint = published_checkpoint(log) if log else None
    leaf = Leaf.objects.filter(event=event, log=log.number).first() if log else None
    if checkpoint is None or leaf is None or leaf.seq >= checkpoint.size:
        return None
    try:
        proof = TreeReader(published(checkpoint.origin), checkpoint.size).inclusion(leaf.seq)
    except TilesUnreadable as error:
        raise Unavailable(f"The published log cannot be read: {error}") from error
    return leaf, proof_text(leaf.seq, proof, checkpoint.note)
