"""Facts of a database by which a copy of it is verified: rows of each table, the events, the roots of the audit log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self
from uuid import UUID

from django.conf import settings

from audit.transparency.entries import entry_bytes
from audit.transparency.state import SignedState
from audit.verifier.audit_verify import Tree, leaf_hash
from config.backup.readers import Reader

# For each of ARTIFACT_HOLDERS, the table and column with the digests of stored bytes that it reads.
HOLDER_COLUMNS = {
    "approvals.check_runs.evidence.held_digests": ("approvals_checkevidence", "sha256"),
    "approvals.packs.retirement_evidence.evidence_named": ("approvals_retirement", "evidence_digest"),
    "registry.queries.packs_named": ("registry_frozenpack", "digest"),
}

_LOGS = "SELECT number, origin, size, root FROM audit_log ORDER BY number"


@dataclass(frozen=True, slots=True)
class LogFacts:
    """A transparency log as the database has it: its number, origin, size and root (hex).

    ``root_of_events`` is the root that its events make, which is the same unless they were changed.
    """

    number: int
    origin: str
    size: int
    root: str
    root_of_events: str


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """The number of rows of each table, a digest over all events with their ids, and the logs, the oldest first."""

    rows: dict[str, int]
    events_sha256: str
    logs: list[LogFacts]

    def as_json(self) -> dict[str, Any]:
        """Return the facts as a manifest holds them."""
        return asdict(self)

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Self:
        """Return the facts of a manifest. Raises KeyError, TypeError."""
        logs = [LogFacts(**log) for log in stored["logs"]]
        return cls(rows=dict(stored["rows"]), events_sha256=stored["events_sha256"], logs=logs)

    def differences(self, other: DatabaseFacts) -> list[str]:
        """Return a sentence for each fact in which ``other`` differs from these."""
        sentences = [
            f"{table} has {other.rows.get(table, 'no')} rows instead of {self.rows.get(table, 'no')}."
            for table in sorted(self.rows.keys() | other.rows.keys())
            if self.rows.get(table) != other.rows.get(table)
        ]
        if self.events_sha256 != other.events_sha256:
            sentences.append("The bytes of the audit events differ.")
        if self.logs != other.logs:
            sentences.append("The audit log has another size or root.")
        return sentences


@dataclass(frozen=True, slots=True)
class Contents:
    """A database that is backed up: its facts, and the digests of stored bytes that it names, with sizes where known.

    ``log_problem`` says how the events contradict the audit log, or the last checkpoint that was signed before they
    were read; "" where they do not.
    """

    facts: DatabaseFacts
    named: dict[str, int | None]
    log_problem: str


def read_contents(reader: Reader, signed: SignedState | None) -> Contents:
    """Return the contents of a database; ``signed`` is the last signed tree."""
    facts = read_facts(reader)
    return Contents(facts, _named_digests(reader), _log_problem(reader, facts, signed))


def _log_problem(reader: Reader, facts: DatabaseFacts, signed: SignedState | None) -> str:
    changed = [log.origin for log in facts.logs if log.root_of_events != log.root]
    if changed:
        return f"The events of the database do not make the root of the log {changed[0]}."
    if signed is None or not signed.size:
        return ""
    log = facts.logs[-1] if facts.logs else None
    if log is None or log.origin != signed.origin:
        return f"The last checkpoint is of the log {signed.origin}, which the database does not hold."
    if log_roots(reader, log.number, {signed.size}) != {signed.size: signed.root.hex()}:
        return f"The database does not hold the {signed.size} events that were signed last."
    return ""


def read_facts(reader: Reader) -> DatabaseFacts:
    """Return the facts of a database."""
    rows = {table: _one(reader, f'SELECT count(*) FROM "{table}"') for table in reader.tables()}  # noqa: S608 - names of our own tables
    logs = [
        LogFacts(number, origin, size, root, log_roots(reader, number, {size}).get(size, ""))
        for number, origin, size, root in list(reader.rows(_LOGS))
    ]
    return DatabaseFacts(rows=rows, events_sha256=_digest_of_events(reader), logs=logs)


def _one(reader: Reader, statement: str) -> int:
    return int(next(iter(reader.rows(statement)))[0])


def _digest_of_events(reader: Reader) -> str:
    digest = hashlib.sha256()
    for pk, event_id, body in reader.rows("SELECT id, event_id, body FROM audit_event ORDER BY id"):
        digest.update(f"{pk} {UUID(str(event_id)).hex} {len(body)} ".encode())
        digest.update(bytes(body))
    return digest.hexdigest()


def log_roots(reader: Reader, log: int, sizes: Collection[int]) -> dict[int, str]:
    """Return the root (hex) of the tree of the first events of a log at each size that the database reaches."""
    roots: dict[int, str] = {}
    tree, largest = Tree(), max(sizes, default=0)
    statement = (
        "SELECT leaf.seq, leaf.gen, leaf.stream, event.body FROM audit_leaf leaf JOIN audit_event event ON event.id = leaf.event_id"  # noqa: S608 - whole numbers
        f" WHERE leaf.log = {log:d} AND leaf.seq < {largest:d} ORDER BY leaf.seq"
    )
    if 0 in sizes:
        roots[0] = tree.root().hex()
    for seq, gen, stream, body in reader.rows(statement):
        if seq != tree.size:
            break
        tree.append(leaf_hash(entry_bytes(bytes(body), gen=gen, seq=seq, stream=stream)))
        if tree.size in sizes:
            roots[tree.size] = tree.root().hex()
    return roots


def _named_digests(reader: Reader) -> dict[str, int | None]:
    """Return the digests of all stored bytes that a database names, with their sizes where it has them."""
    digests: dict[str, int | None] = {}
    for path in settings.ARTIFACT_HOLDERS:
        table, column = HOLDER_COLUMNS[path]
        digests |= {digest: None for (digest,) in reader.rows(f"SELECT {column} FROM {table}") if digest}  # noqa: S608 - named above
    digests |= dict(_sealed(reader))
    digests |= dict(reader.rows("SELECT sha256, size FROM tracking_artifact"))
    return digests


def _sealed(reader: Reader) -> Iterator[tuple[str, int]]:
    for (manifest,) in reader.rows("SELECT manifest FROM tracking_seal WHERE erased_at IS NULL"):
        listed = json.loads(manifest) if isinstance(manifest, str) else manifest
        yield from ((sha256, size) for _, sha256, size in listed)
