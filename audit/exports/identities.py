"""The annex of an export that says who its actors are: one line of JSON for each."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model

from audit.models import Identity
from audit.verifier.audit_verify import canonical, commitments_of
from core.actors import ActorKind
from core.ids import row_id

_ACCOUNTS = (ActorKind.USER.value, ActorKind.SERVICE.value)
_AT_ONCE = 500
# An actor as events have it: reference, kind, and name or commitment; a person whom events only name has neither
# reference nor kind.
ActorKey = tuple[str, str, str]


class People:
    """The people in the events of one export, each read once: one who is erased meanwhile is the same in every file.

    Without ``reveal``, nobody is read, and the files have commitments in place of names.
    """

    def __init__(self, *, reveal: bool) -> None:
        self.names: dict[str, str] = {}
        self._reveal = reveal
        self._rows: dict[str, Identity] = {}

    def names_in(self, event: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the names behind the commitments read so far, among them those of this event."""
        missing = [digest for digest in commitments_of(dict(event)) if digest not in self.names] if self._reveal else []
        for row in Identity.objects.filter(commitment__in=missing) if missing else ():
            self._rows[row.commitment], self.names[row.commitment] = row, row.label
        return self.names

    def row_of(self, digest: str) -> Identity | None:
        """Return the identity behind a commitment that was read, None for a name."""
        return self._rows.get(digest)


def identities_of(actors: Collection[ActorKey], people: People) -> Iterator[bytes]:
    """Yield a line for each actor, by reference: the name, with the salt that proves it where events only commit to it,
    the printed name, the state of the account, the owner of a service.

    The last three are as of now. The state is `active`, `inactive`, `erased`, or `none` for an actor without an
    account. One query for every 500 actors.
    """
    acting = {actor[2] for actor in actors if actor[1]}
    ordered = sorted(actor for actor in actors if actor[1] or actor[2] not in acting)
    for first in range(0, len(ordered), _AT_ONCE):
        part = ordered[first : first + _AT_ONCE]
        ids = [pk for ref, kind, _ in part if kind in _ACCOUNTS and (pk := row_id(ref.partition(":")[2]))]
        accounts = get_user_model().objects.select_related("owner").in_bulk(ids)
        for ref, kind, name in part:
            account = accounts.get(row_id(ref.partition(":")[2])) if kind in _ACCOUNTS else None
            identity = people.row_of(name)
            named = {"name": name} if identity is None else _revealed(identity)
            facts = _facts(None if identity is not None and identity.name is None else account)
            yield canonical({"kind": kind, "ref": ref, **facts, **named}) + b"\n"


def _revealed(identity: Identity) -> dict[str, str]:
    named = {"commitment": identity.commitment, "name": identity.label, "salt": bytes(identity.salt or b"").hex()}
    return named | ({"state": "erased"} if identity.name is None else {})


def _facts(account: Any) -> dict[str, str]:
    if account is None:
        return {"owner": "", "printed_name": "", "state": "none"}
    return {
        "owner": account.owner.get_username() if account.owner else "",
        "printed_name": account.get_full_name(),
        "state": "active" if account.is_active else "inactive",
    }
