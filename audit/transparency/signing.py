"""Waits until a checkpoint covers an event."""

from __future__ import annotations

import time

from audit.models import Event, Leaf, Log
from audit.queries import current_log
from audit.transparency.keys import NoLogKey, log_signers
from audit.transparency.sequencer import Sequencer
from audit.transparency.state import published
from audit.verifier.audit_verify import BadNote, Checkpoint, parse_checkpoint, split_note
from core.errors import Unavailable

_PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.05


def signed_checkpoint(event: Event) -> tuple[Log, Checkpoint]:
    """Return the log and a published checkpoint that covers a committed event.

    Where no sequencer is active, this process does its work, if this host has the key. Raises Unavailable where no
    such checkpoint is signed in time.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    sequencer = Sequencer()
    while True:
        _help(sequencer)
        log = current_log()
        leaf = Leaf.objects.filter(event=event, log=log.number).first() if log else None
        checkpoint = published_checkpoint(log) if log else None
        if log and leaf and checkpoint and checkpoint.size > leaf.seq:
            return log, checkpoint
        if time.monotonic() > deadline or (log and log.problem):
            raise Unavailable(f"The audit log is not being signed now. {log.problem if log else ''}".strip())
        time.sleep(_PAUSE_SECONDS)


def _help(sequencer: Sequencer) -> None:
    """Do a round of the sequencer. A host without the key or the folder does nothing."""
    try:
        log_signers()
        sequencer.run_once()
    except (NoLogKey, OSError):
        return


def published_checkpoint(log: Log) -> Checkpoint | None:
    """Return the newest published checkpoint of a log, None before the first one. Its signature is not checked."""
    try:
        note = (published(log.origin).folder / "checkpoint").read_bytes()
        return parse_checkpoint(split_note(note)[0], note)
    except (OSError, BadNote):
        return None
