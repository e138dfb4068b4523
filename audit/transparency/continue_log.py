"""Lets the log of a restored database continue, where a person vouches that no later checkpoint was signed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from django.db import transaction

from audit.actions import Action
from audit.models import Log
from audit.queries import current_log
from audit.services import record
from audit.transparency.keys import log_signers
from audit.transparency.new_log import require_two_superusers
from audit.transparency.publish import publish
from audit.transparency.sequencer import Refused, stored_entries
from audit.transparency.state import SignedState, published, read_state, sequencer_lock, write_state
from audit.transparency.tree import Frontier
from audit.verifier.audit_verify import BadNote, Checkpoint, leaf_hash, open_checkpoint
from core.actors import Actor
from core.errors import Conflict, InvalidInput
from core.refs import AUDIT_LOG

_AT_ONCE = 4096


def continue_log(*, actor: Actor, second: Actor, after: bytes) -> Log:
    """Make the signer's state and the published files anew from the events of the database; return the log.

    ``after`` is the last checkpoint that anybody has, as a signed note: the database must hold every event that it
    covers. Raises Denied unless two superusers agree; InvalidInput for a checkpoint that the log's key has not signed
    and for one that the database does not extend; Conflict where the signer still has its state, or is active.
    """
    require_two_superusers(actor, second, Action.AUDIT_LOG_CONTINUED)
    try:
        last = open_checkpoint(after, [signer.key for signer in log_signers()])
    except BadNote as error:
        raise InvalidInput(f"The checkpoint cannot be used: {error}.") from error
    with sequencer_lock() as active:
        if not active:
            raise Conflict("A sequencer is active. Stop it first, on all hosts.")
        if read_state() is not None:
            raise Conflict(
                "CUSTODY_LOG_STATE holds the last checkpoint: the sequencer continues from it, or says why not."
            )
        log = _require_log(last)
        frontier = _rebuild(log, last)
        with transaction.atomic():
            facts = {"after_size": last.size, "size": frontier.size, "second": second.name}
            record(actor=actor, action=Action.AUDIT_LOG_CONTINUED, obj=AUDIT_LOG, after=facts)
            log.size, log.root, log.problem = frontier.size, frontier.root().hex(), ""
            log.save(update_fields=["size", "root", "problem"])
        write_state(SignedState(log.origin, frontier.size, frontier.root()))
    return log


def _require_log(last: Checkpoint) -> Log:
    log = current_log()
    if log is None or log.origin != last.origin:
        raise InvalidInput(f"The checkpoint is of the log {last.origin}, and the database holds another.")
    return log


def _rebuild(log: Log, last: Checkpoint) -> Frontier:
    """Write the published files of the log anew and return the frontier of its tree. Raises InvalidInput.

    Nothing is written before the events make the roots of the checkpoint and of the database.
    """
    size = max(log.size, last.size)
    tree, roots = Frontier(), {0: Frontier().root()}
    for entries in _batches(log, size):
        for entry in entries:
            tree.append([leaf_hash(entry)])
            if tree.size in {log.size, last.size}:
                roots[tree.size] = tree.root()
    if tree.size < size:
        raise InvalidInput(
            f"The database holds {tree.size} events of the log, and the checkpoint covers {last.size}: some are lost. "
            "Restore a newer backup, or start a new log with `manage.py audit_new_log`."
        )
    if roots[last.size] != last.root or roots[log.size].hex() != log.root:
        raise InvalidInput("The events of the database are not those that were signed.")
    folder, frontier, bundle = published(log.origin), Frontier(), list[bytes]()
    shutil.rmtree(folder.folder / "tile", ignore_errors=True)  # it may hold events that were lost
    for entries in _batches(log, size):
        bundle = publish(folder, frontier, bundle, entries)
    return frontier


def _batches(log: Log, size: int) -> Iterator[list[bytes]]:
    """Yield the entries of a log up to ``size``, or to the last one. Raises InvalidInput for a gap."""
    for start in range(0, size, _AT_ONCE):
        try:
            yield stored_entries(log.number, start, min(size, start + _AT_ONCE))
        except Refused as error:
            raise InvalidInput(str(error)) from error
