"""The sequencer: gives every event its position in the log, publishes tiles, and signs checkpoints. One is active.

A round can be killed at any point, because of its order: (1) the database commits positions, size and root; (2) bundles
and tiles are written; (3) the state file outside the database is written; (4) the checkpoint is signed and published.
Before (3) the tree must extend the state. If it does not, nothing is signed, and the problem is shown until a person
decides.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from audit.models import Leaf, Log
from audit.queries import current_log
from audit.transparency.assign import Assigner
from audit.transparency.compare import Comparison
from audit.transparency.entries import entry_bytes
from audit.transparency.keys import NoLogKey, log_signers
from audit.transparency.notes import Signer, checkpoint_text, sign_note
from audit.transparency.publish import publish
from audit.transparency.state import (
    SignedState,
    StateUnreadable,
    published,
    read_state,
    sequencer_lock,
    write_state,
)
from audit.transparency.tiles import TilesUnreadable, write_durably
from audit.transparency.tree import Frontier
from audit.verifier.audit_verify import leaf_hash

logger = logging.getLogger(__name__)

_BATCH = 4096
_EMPTY_ROOT = Frontier().root()
# How often an idle sequencer records a heartbeat and compares the database with its state.
_CHECK_EVERY = timedelta(seconds=4)
_REPEAT_PROBLEM_SECONDS = 60.0


class Refused(Exception):
    """Nothing may be signed. The message says why, and is shown to operators."""


@dataclass(slots=True)
class _Open:
    """The state between rounds: the frontier of the signed tree, and the entries of its incomplete bundle."""

    origin: str
    frontier: Frontier
    bundle: list[bytes]


class Sequencer:
    """The active sequencer of a process.

    Any number of sequencers may call `run_once`: the lock of the folder decides which one is active.
    """

    def __init__(self) -> None:
        self._assigner = Assigner()
        self._open: _Open | None = None
        self._comparison, self._compared_at = Comparison(), float("-inf")
        self._problem, self._logged_at = "", 0.0

    def run_once(self) -> int | None:
        """Do one round; return the number of leaves that it signed.

        None where another sequencer is active, or where nothing may be signed (`Log.problem` says why).
        """
        with sequencer_lock() as active:
            if not active:
                self._open = None
                return None
            try:
                signed = self._round()
            except (Refused, NoLogKey, StateUnreadable, TilesUnreadable, OSError) as error:
                self._open = None
                self._note(str(error) or type(error).__name__)
                return None
            self._note("")
            return signed

    def _round(self) -> int:
        signers = log_signers()
        state = self._state(signers[0].name)
        log = self._require_extension(state)
        if self._open is None or self._open.origin != state.origin or self._open.frontier.size != state.size:
            self._open = self._reopen(state)
        if log.size > state.size:  # a crash came between the commit and the state file
            self._catch_up(log, signers)
            return log.size - state.size
        self._compare(log)
        done = 0
        while count := self._batch(log.number, signers):
            done += count
            if count < _BATCH:
                break
        # The first checkpoint is of the empty tree. A crash may also have come before a checkpoint was published.
        if not done and not (published(state.origin).folder / "checkpoint").exists():
            self._sign(signers)
        return done

    def _compare(self, log: Log) -> None:
        """Compare some events with the tree, every few seconds. Raises Refused as long as one differs."""
        if time.monotonic() - self._compared_at > _CHECK_EVERY.total_seconds():
            self._comparison.next_tile(log)
            self._compared_at = time.monotonic()
        if self._comparison.differs is not None:
            raise Refused(f"Event {self._comparison.differs} in the database is not the one that was signed.")

    def _state(self, origin: str) -> SignedState:
        """Return the state of the signer; for an empty log it is made.

        Raises Refused where it is missing or of another log.
        """
        state, log = read_state(), current_log()
        if state is None:
            if log is not None and (log.size or log.number > 1):
                raise Refused(
                    "There is no last checkpoint in CUSTODY_LOG_STATE, and the log is not empty: restore that folder, or start "
                    "a new log with `manage.py audit_new_log`."
                )
            state = SignedState(origin, 0, _EMPTY_ROOT)
            write_state(state)
        if state.origin != origin:
            raise Refused(f"The last checkpoint is of the log {state.origin}, and the key is of {origin}.")
        return state

    def _require_extension(self, state: SignedState) -> Log:
        """Return the log's row; for a new log it is made. Raises Refused where the database lacks signed events."""
        log = current_log()
        if log is None:
            if state.size:
                raise Refused(_restored_message(0, state))
            return Log.objects.create(number=1, origin=state.origin, root=_EMPTY_ROOT.hex())
        if not log.origin:  # `_note` made the row to store a problem
            log.origin = state.origin
            log.save(update_fields=["origin"])
        if log.origin != state.origin:
            raise Refused(f"The database holds the log {log.origin}, and the last checkpoint is of {state.origin}.")
        if log.size < state.size:
            raise Refused(_restored_message(log.size, state))
        if log.size == state.size and log.root != state.root.hex():
            raise Refused(f"The database holds another tree of {log.size} events than the one that was signed: a fork.")
        return log

    def _reopen(self, state: SignedState) -> _Open:
        folder = published(state.origin)
        frontier = folder.frontier(state.size)
        if frontier.root() != state.root:
            raise Refused(f"The tiles in {folder.folder} do not make the tree that was signed.")
        return _Open(state.origin, frontier, folder.open_bundle(state.size))

    def _catch_up(self, log: Log, signers: list[Signer]) -> None:
        opened = self._opened()
        entries = stored_entries(log.number, opened.frontier.size, log.size)
        reached = opened.frontier.copy()
        reached.append(map(leaf_hash, entries))
        if (reached.size, reached.root().hex()) != (log.size, log.root):
            raise Refused("The database holds a tree that does not extend the one that was signed: a fork.")
        self._publish(entries, signers)

    def _batch(self, number: int, signers: list[Signer]) -> int:
        opened = self._opened()
        # On SQLite a transaction takes the write lock, so it begins only when there is something to write.
        if connection.vendor == "sqlite" and not Leaf.objects.filter(log=number, seq=opened.frontier.size).exists():
            return 0
        with transaction.atomic():
            if connection.vendor == "postgresql" and not self._assigner.assign(number, limit=_BATCH):
                return 0
            entries = stored_entries(number, opened.frontier.size, opened.frontier.size + _BATCH)
            if not entries:
                return 0
            reached = opened.frontier.copy()
            reached.append(map(leaf_hash, entries))
            Log.objects.filter(number=number).update(
                size=reached.size, root=reached.root().hex(), checked_at=timezone.now()
            )
        self._publish(entries, signers)
        return len(entries)

    def _opened(self) -> _Open:
        assert self._open is not None  # noqa: S101 - _round opened it
        return self._open

    def _publish(self, entries: Sequence[bytes], signers: list[Signer]) -> None:
        opened = self._opened()
        opened.bundle = publish(published(opened.origin), opened.frontier, opened.bundle, entries)
        self._sign(signers)

    def _sign(self, signers: list[Signer]) -> None:
        opened = self._opened()
        size, root = opened.frontier.size, opened.frontier.root()
        write_state(SignedState(opened.origin, size, root))
        note = sign_note(checkpoint_text(opened.origin, size, root), signers)
        write_durably(published(opened.origin).folder / "checkpoint", note)

    def _note(self, problem: str) -> None:
        """Store the problem of signing, "" for none, for the pages and /healthz. Log it at once, then each minute."""
        now = timezone.now()
        log = current_log()
        if log is None:
            log = Log.objects.create(number=1, origin="", root=_EMPTY_ROOT.hex()) if problem else None
        if log and (problem != log.problem or not log.checked_at or now - log.checked_at >= _CHECK_EVERY):
            Log.objects.filter(number=log.number).update(problem=problem[:500], checked_at=now)
        if problem and (problem != self._problem or time.monotonic() - self._logged_at > _REPEAT_PROBLEM_SECONDS):
            logger.error("the audit log is not signed: %s", problem)
            self._logged_at = time.monotonic()
        self._problem = problem


def _restored_message(size: int, state: SignedState) -> str:
    return (
        f"The database holds {size} events of the log, and {state.size} were signed: an older state was restored. Restore a "
        "newer one, or start a new log with `manage.py audit_new_log`."
    )


def stored_entries(number: int, start: int, end: int) -> list[bytes]:
    """Return the entries of a log from ``start`` to before ``end``, or to the last one. Raises Refused for a gap."""
    rows = Leaf.objects.filter(log=number, seq__gte=start, seq__lt=end).order_by("seq")
    entries: list[bytes] = []
    for seq, gen, stream, body in rows.values_list("seq", "gen", "stream", "event__body"):
        if seq != start + len(entries):
            raise Refused(f"The database lacks event {start + len(entries)} of the log.")
        entries.append(entry_bytes(bytes(body), gen=gen, seq=seq, stream=stream))
    return entries
