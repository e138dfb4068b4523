"""The annex of a dossier: the pack of the promotion, and the statements of its approvals that the server signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import orjson

from approvals.packs.dossier import pack_annex, pack_named
from approvals.statements.envelopes import statements_of
from audit.exports.annexes import File, SignedLog
from audit.verifier.verify_passkeys import STATEMENTS
from core.errors import InvalidState, Unavailable
from registry.models import FrozenPack


def dossier_annex(name: str, log: SignedLog) -> Iterable[File] | None:
    """Return the files of the annex `pack:<digest>` with the statements of the version, None for another name.

    Raises NotFound for an unknown pack.
    """
    files, pack = pack_annex(name, log), pack_named(name)
    return None if files is None or pack is None else chain(files, _statements(pack))


def _statements(pack: FrozenPack) -> Iterator[File]:
    """Yield the statements; nothing where the files have no digest, or where this host has no key of statements."""
    try:
        statements = statements_of(pack.order.version)
    except (InvalidState, Unavailable):
        return
    yield STATEMENTS, orjson.dumps(statements, option=orjson.OPT_INDENT_2)
