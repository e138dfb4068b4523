"""Starts a new log in place of one that cannot continue, and changes the key of a log. Both are events."""

from __future__ import annotations

import base64
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from audit.actions import Action
from audit.models import Event, Leaf, Log
from audit.queries import current_log
from audit.services import record
from audit.transparency.assign import assign_positions
from audit.transparency.keys import log_signers, write_keys
from audit.transparency.notes import Signer, new_signer
from audit.transparency.state import SignedState, sequencer_lock, write_state
from audit.transparency.tree import Frontier
from audit.verifier.audit_verify import BadNote, Checkpoint, open_checkpoint
from core.actors import Actor
from core.errors import Conflict, Denied, InvalidInput
from core.refs import AUDIT_LOG

_AT_ONCE = 10_000


def start_new_log(*, actor: Actor, second: Actor, after: bytes) -> Log:
    """Start a log whose first event names the last checkpoint of the old one; return it.

    All events of the database get positions in it. ``after`` is the checkpoint as a signed note. Raises Denied
    unless two superusers agree, InvalidInput for a checkpoint that the log's key has not signed, Conflict while a
    sequencer is active.
    """
    require_two_superusers(actor, second, Action.AUDIT_LOG_STARTED)
    signers = log_signers()
    try:
        old = open_checkpoint(after, [signer.key for signer in signers])
    except BadNote as error:
        raise InvalidInput(f"The checkpoint cannot be used: {error}.") from error
    with sequencer_lock() as active:
        if not active:
            raise Conflict("A sequencer is active. Stop it first, on all hosts.")
        signer = _new_key(old.origin, signers)
        with transaction.atomic():
            log = _make_log(actor, second, old, signer)
        write_state(SignedState(signer.name, 0, Frontier().root()))
    return log


def rotate_key(*, actor: Actor) -> Signer:
    """Make a new key for the log and return it. From now on it and the earlier keys sign checkpoints.

    Raises Denied unless a superuser asks, Conflict where the key is mounted.
    """
    if not actor.is_superuser:
        raise Denied("Only a superuser may change the key.", action=Action.AUDIT_LOG_KEY_ROTATED, obj=AUDIT_LOG)
    if settings.LOG_KEY:
        raise Conflict("The key comes from CUSTODY_LOG_KEY: put the new key before the old one there, one a line.")
    signers = log_signers()
    signer = new_signer(signers[0].name)
    with transaction.atomic():
        keys = {"new_key": signer.vkey, "old_key": signers[0].vkey}
        record(actor=actor, action=Action.AUDIT_LOG_KEY_ROTATED, obj=AUDIT_LOG, after=keys)
        write_keys(Path(settings.LOG_KEY_FILE), [signer, *signers], replace=True)
    return signer


def require_two_superusers(actor: Actor, second: Actor, action: Action) -> None:
    """Raise Denied unless two superusers agree on how the log goes on."""
    if not (actor.is_superuser and second.is_superuser) or actor.ref == second.ref:
        raise Denied("Two superusers have to agree on how the log goes on.", action=action, obj=AUDIT_LOG)


def _new_key(old_origin: str, signers: list[Signer]) -> Signer:
    """Return the key of the new log: the mounted one, or a new one in place of the old, which is kept beside it.

    Raises Conflict where the mounted key is that of the old log.
    """
    if settings.LOG_KEY:
        if signers[0].name == old_origin:
            raise Conflict("The key comes from CUSTODY_LOG_KEY: put a key of another name before the old one there.")
        return signers[0]
    base, _, number = old_origin.partition("~")
    signer = new_signer(f"{base}~{int(number or 1) + 1}")
    path = Path(settings.LOG_KEY_FILE)
    write_keys(path.with_name(f"{path.name}.{old_origin.replace('/', '_')}"), signers, replace=True)
    write_keys(path, [signer], replace=True)
    return signer


def _make_log(actor: Actor, second: Actor, old: Checkpoint, signer: Signer) -> Log:
    before = current_log()
    number = before.number + 1 if before else 1
    held_size = before.size if before and before.origin == old.origin else 0
    log = Log.objects.create(number=number, origin=signer.name, root=Frontier().root().hex())
    facts = {
        "old_log": old.origin,
        "old_size": old.size,
        "old_root": base64.b64encode(old.root).decode(),
        "held": held_size,
        "lost": max(old.size - held_size, 0),
        "second": second.name,
    }
    event = record(actor=actor, action=Action.AUDIT_LOG_STARTED, obj=AUDIT_LOG, after=facts)
    _assign_all(log.number, event)
    return log


def _assign_all(log: int, first: Event) -> None:
    """Give the first event of the log number 0, and all others the numbers after it."""
    if not Leaf.objects.filter(log=log, event=first).exists():
        Leaf.objects.create(log=log, seq=0, event=first)
    with connection.cursor() as cursor:
        while assign_positions(cursor, log, limit=_AT_ONCE) == _AT_ONCE:
            pass
