"""The annex of an export that says who its actors are: one line of JSON for each."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from django.contrib.auth import get_user_model

from audit.verifier.audit_verify import canonical
from core.actors import ActorKind
from core.ids import row_id

_ACCOUNTS = (ActorKind.USER.value, ActorKind.SERVICE.value)
_AT_ONCE = 500
# An actor as events name them: reference, kind and name.
ActorKey = tuple[str, str, str]


def identities_of(actors: Collection[ActorKey]) -> Iterator[bytes]:
    """Yield a line for each actor, by reference: the printed name, the state of the account, the owner of a service.

    Both are as of now. The state is `active`, `inactive`, or `none` for an actor without an account. One query for
    every 500 actors.
    """
    ordered = sorted(actors)
    for first in range(0, len(ordered), _AT_ONCE):
        part = ordered[first : first + _AT_ONCE]
        ids = [pk for ref, kind, _ in part if kind in _ACCOUNTS and (pk := row_id(ref.partition(":")[2]))]
        accounts = get_user_model().objects.select_related("owner").in_bulk(ids)
        for ref, kind, name in part:
            account = accounts.get(row_id(ref.partition(":")[2])) if kind in _ACCOUNTS else None
            yield canonical({"kind": kind, "name": name, "ref": ref, **_facts(account)}) + b"\n"


def _facts(account: Any) -> dict[str, str]:
    if account is None:
        return {"owner": "", "printed_name": "", "state": "none"}
    return {
        "owner": account.owner.get_username() if account.owner else "",
        "printed_name": account.get_full_name(),
        "state": "active" if account.is_active else "inactive",
    }
