"""Decisions, and additions of passkeys, in the events of an audit export: a part of verify_passkeys.py."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, NamedTuple

if __package__:
    from audit.verifier import audit_verify as log
    from audit.verifier.webauthn_verify import BadAssertion
else:
    import audit_verify as log  # type: ignore[import-not-found,no-redef]  # beside this file where it runs alone
    from webauthn_verify import BadAssertion  # type: ignore[import-not-found,no-redef]  # beside this file

ENROLMENTS = "enrolments.jsonl"
ADDED, REMOVED = "account.passkey.added", "account.passkey.removed"
REVIEW, OVERRIDE, OPENED = "approvals.review.given", "approvals.rule.overridden", "approvals.request.opened"
KINDS = {REVIEW: "review", OVERRIDE: "override", OPENED: "break_glass"}
_LONGEST_LINE = 1 << 16


class Enrolment(NamedTuple):
    """The event that added a passkey: its number, the person, and the facts of the key."""

    seq: int
    person: str
    facts: dict[str, Any]


@dataclass
class Export:
    """The additions of passkeys by event id, their removals by credential, the requests by reference, the decisions."""

    enrolments: dict[str, Enrolment] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    decisions: list[tuple[int, dict[str, Any]]] = field(default_factory=list)


def read_export(package: log.Package, size: int) -> Export:
    """Return the passkeys and the decisions in a verified export. ``size`` is that of its checkpoint.

    Raises ValueError, KeyError or TypeError where it cannot be read.
    """
    export = Export()
    names = log.read_people(package, log.Report(), package.names).names
    for entry, texts in _entries_with_texts(package):
        event, seq = log.with_texts(log.with_names(entry["event"], names), texts), entry["seq"]
        if event["outcome"] != "ok":
            continue
        if event["action"] == ADDED:
            export.enrolments[event["event_id"]] = _enrolment(seq, event)
        elif event["action"] == REMOVED:
            export.removed[str(event["before"].get("credential_id"))] = seq
        elif event["action"] == OPENED:
            export.requests[event["object"]] = event["after"]
        if event["action"] in KINDS and (event["action"] != OPENED or event["after"].get("kind") == "break_glass"):
            export.decisions.append((seq, event))
    for key, enrolment in _annexed(package, size, names):
        export.enrolments.setdefault(key, enrolment)
    return export


def _annexed(package: log.Package, size: int, names: Mapping[str, str]) -> Iterator[tuple[str, Enrolment]]:
    """Yield the additions of passkeys that a filtered export brings along, each found in the tree of the log."""
    if ENROLMENTS not in package.names:
        return
    with package.open(log.LEAVES) as file:
        leaves = file.read(size * 32)
    for entry in _entries(package, ENROLMENTS):
        seq, line = entry["seq"], log.canonical(entry)
        if leaves[seq * 32 : seq * 32 + 32] != log.leaf_hash(line) or entry["event"]["action"] != ADDED:
            raise ValueError(f"{ENROLMENTS} has an event that is not in the log under its number {seq}")
        yield entry["event"]["event_id"], _enrolment(seq, log.with_names(entry["event"], names))


def _enrolment(seq: int, event: dict[str, Any]) -> Enrolment:
    return Enrolment(seq, event["object"].partition(":")[2], event["after"])


def _entries(package: log.Package, name: str) -> Iterator[dict[str, Any]]:
    with package.open(name) as file:
        while line := file.readline(_LONGEST_LINE + 1):
            yield log.parse_entry(line.rstrip(b"\n"))


def _entries_with_texts(package: log.Package) -> Iterator[tuple[dict[str, Any], dict[log.Place, Any]]]:
    """Yield each entry of a verified export with its texts by place."""
    with closing(log.open_texts(package, package.names)) as texts:
        for entry in _entries(package, log.EVENTS):
            yield entry, texts.of(entry)


def enrols(enrolment: Enrolment, passkey: dict[str, Any], by: str, seq: int) -> bool:
    """Return whether an event added this key for this person, before the event with the number ``seq``.

    A name that was erased, or left out of the export, is not compared.
    """
    same = all(enrolment.facts.get(key) == passkey.get(key) for key in ("credential_id", "public_key"))
    same_person = enrolment.person == by or log.is_hidden(by) or log.is_hidden(enrolment.person)
    return same and same_person and enrolment.seq < seq


def check_statement(event: dict[str, Any], opened: dict[str, Any]) -> None:
    """Raise BadAssertion where what was signed is not what the event says, and ``opened``: that of its request.

    A name or a comment that was erased is not compared.
    """
    after, reason, statement = event["after"], event["reason"], event["after"]["passkey"]["statement"]
    digest = reason.get("sha256") if isinstance(reason, dict) else hashlib.sha256(reason.strip().encode()).hexdigest()
    kind = KINDS[event["action"]]
    expected = {
        "kind": kind,
        "by": event["actor"]["name"],
        "comment_sha256": digest,
        "meaning": (after.get("signature") or {}).get("meaning", ""),
        "decision": after.get("decision", kind),
        "rule": after.get("rule", ""),
        "on_behalf_of": after.get("on_behalf_of", ""),
        "subject_digest": after.get("subject_digest", ""),
        "request": 0 if event["action"] == OPENED else int(event["object"].rpartition(":")[2]),
    }
    if log.is_hidden(event["actor"]["name"]):
        del expected["by"]
    if log.is_hidden(str(expected["on_behalf_of"])):
        del expected["on_behalf_of"]
    if reason == log.ERASED_TEXT:
        del expected["comment_sha256"]
    about = after if event["action"] == OPENED else opened
    expected.update({key: about[key] for key in ("target", "policy", "policy_digest") if key in about})
    if event["action"] == OPENED:
        expected.update({key: after[key] for key in ("model_version", "artifact_digest") if key in after})
    if wrong := sorted(key for key, value in expected.items() if statement.get(key) != value):
        raise BadAssertion(f"what was signed is not what the event says ({', '.join(wrong)})")
    if "version" in about and str(statement.get("model_version")).rpartition("/")[2] != str(about["version"]):
        raise BadAssertion("what was signed is about another version")
