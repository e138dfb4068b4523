"""Commitments: what an event holds in place of the name of a person (docs/decisions/0207).

A commitment is SHA-256 over a random salt and the name. Salt and name are rows of `Identity`, which an erasure blanks.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from django.db import connection, transaction

from audit.identities.names import forget_names, remember_name
from audit.models import Identity
from audit.verifier.audit_verify import NAMED_OBJECT, commitment
from core.actors import Actor, ActorKind
from core.columns import insert_into
from core.refs import user_ref
from core.statements import fetch, portable, run

_FIND = portable("SELECT commitment FROM audit_identity WHERE ref = %s AND name = %s ORDER BY id LIMIT 1")
_ADD = portable(insert_into(Identity))
_SALT_BYTES = 32
_LONGEST = 300
_MOST_CACHED = 50_000
_PEOPLE = (ActorKind.USER, ActorKind.SERVICE)
_USER = user_ref("")

Key = tuple[str, str]
# The commitments of committed rows, by reference and name.
_cached: dict[Key, str] = {}


@dataclass(frozen=True, slots=True)
class _Promotion:
    """Caches the commitment of a new row after its commit. Until then it waits on the connection; a rollback, also
    one to a savepoint, removes it there together with the row.
    """

    key: Key
    commitment: str

    def __call__(self) -> None:
        _remember(self.key, self.commitment)


def actor_facts(actor: Actor) -> dict[str, str]:
    """Return the actor as events hold it: a commitment to the name of an account, the plain name of a job."""
    facts = {"ref": actor.ref, "kind": actor.kind.value, "auth": actor.auth}
    if actor.kind in _PEOPLE:
        facts["name_hash"] = commitment_to(actor.ref, actor.name)
    else:
        facts["name"] = actor.name
    if actor.on_behalf_of:
        facts["on_behalf_of_hash"] = commitment_to("", actor.on_behalf_of)
    return facts


def object_in_log(actor: Actor, obj: str) -> str:
    """Return the reference of an object as events hold it: that of an account has a commitment to its name."""
    if not obj.startswith(_USER):
        return obj
    name = obj.removeprefix(_USER)
    ref = actor.ref if name == actor.name and actor.kind in _PEOPLE else ""
    return f"{NAMED_OBJECT}{commitment_to(ref, name)}"


def commitment_to(ref: str, name: str) -> str:
    """Return the commitment to a name, and store salt and name in the caller's transaction where they are new.

    ``ref`` is the actor's reference, "" for a person whom an event only names. There is no unique constraint: two
    transactions that name a new person at the same moment would wait for each other, and could deadlock. Each has its
    own row then, and later events use the older one.
    """
    key = (ref[:100], storable(name)[:_LONGEST])
    if digest := _cached.get(key) or _pending(key):
        return digest
    if rows := fetch(_FIND, key):
        digest = str(rows[0][0])
        _remember(key, digest)
    else:
        salt = secrets.token_bytes(_SALT_BYTES)
        digest = commitment(salt, key[1])
        run(_ADD, [*key, salt, digest, "", None])
        transaction.on_commit(_Promotion(key, digest))
    remember_name(digest, key[1])
    return digest


def forget_cached() -> None:
    """Empty the caches of this process."""
    _cached.clear()
    forget_names()


def storable(text: str) -> str:
    """Return text that both databases store: a refused caller's text must not make the record of the refusal fail."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _remember(key: Key, digest: str) -> None:
    if len(_cached) >= _MOST_CACHED:
        _cached.clear()
    _cached[key] = digest


def _pending(key: Key) -> str:
    """Return the commitment that this transaction has stored, "" for none."""
    for _, function, *_ in connection.run_on_commit:
        if isinstance(function, _Promotion) and function.key == key:
            return function.commitment
    return ""
