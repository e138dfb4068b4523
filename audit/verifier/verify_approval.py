#!/usr/bin/env python3
"""Verify who approved a version of a model: `verify_approval.py MODEL VERSION --server URL --key KEY --digest DIGEST`.

Exit status: 0 approved, 1 not approved or a wrong signature, 2 it could not be checked. Python 3.9 or newer; needs
audit_verify.py and webauthn_verify.py beside it, and nothing else. The keys come from the command line, never from the
server's answer: that of the server, and with --credential those of people's passkeys, without which no approval counts
then.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

if __package__:
    from audit.verifier.audit_verify import BadNote, Key, ed25519_verify, parse_vkey
    from audit.verifier.webauthn_verify import BadAssertion, check_assertion, decode, host_of
else:
    from audit_verify import BadNote, Key, ed25519_verify, parse_vkey  # type: ignore[import-not-found,no-redef]  # beside this file where it runs alone
    from webauthn_verify import BadAssertion, check_assertion, decode, host_of  # type: ignore[import-not-found,no-redef]  # beside this file

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:custody:approval:v1"
_TIMEOUT = 30
_MOST_BYTES = 10_000_000
_LONGEST_PATH = 200


class Unverifiable(Exception):
    """Something could not be read. The message says what."""


class Refused(Exception):
    """The version is not approved as asked for. The message says why."""


def signed_bytes(payload: bytes) -> bytes:
    """Return the bytes that are signed for a statement (DSSE's PAE)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def open_envelope(envelope: Any, keys: list[Key]) -> dict[str, Any]:
    """Return the statement of an envelope. Raises Refused where no given key signed exactly these bytes."""
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [(one["keyid"], base64.b64decode(one["sig"], validate=True)) for one in envelope["signatures"]]
        kind = envelope["payloadType"]
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise Refused("an envelope is malformed") from error
    keys_by_id = {key.hash.hex(): key for key in keys}
    verified = [
        ed25519_verify(keys_by_id[keyid].public, signature, signed_bytes(payload))
        for keyid, signature in signatures
        if keyid in keys_by_id
    ]
    if kind != PAYLOAD_TYPE or not verified or not all(verified):
        raise Refused("a statement is not signed by the given key")
    statement = _parsed(payload)
    if statement.get("_type") != STATEMENT or statement.get("predicateType") != PREDICATE:
        raise Refused("a statement is not about an approval")
    return statement


def _parsed(payload: bytes) -> dict[str, Any]:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise Refused("a statement has a field twice")
        return dict(pairs)

    try:
        statement = json.loads(payload.decode("utf-8"), object_pairs_hook=unique)
    except ValueError as error:
        raise Refused("a statement is not JSON") from error
    if not isinstance(statement, dict) or not isinstance(statement.get("predicate"), dict):
        raise Refused("a statement has no predicate")
    return statement


def approvers(
    statements: list[dict[str, Any]],
    *,
    name: str,
    digest: str,
    target: str,
    fewest: int = 1,
    credentials: set[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return the last statement of each person who approved the newest request for a target, by their name.

    A rollback without decisions is based on those of an earlier request. An approval of an earlier state than the last
    decision's, or by the requester, does not count; with ``credentials`` neither does one that none of these passkeys
    signed (`signed_by_person`). Raises Refused where a statement is about something else, and where fewer people
    approved.
    """
    for statement in statements:
        _check_subject(statement, name, digest)
    rows = [one["predicate"] for one in statements]
    decisions = [row for row in rows if row.get("target") == target and row["kind"] == "review"]
    if not decisions:
        raise Refused(f"nobody decided on a request for {target}")
    request = max(int(row["request"]) for row in decisions)
    reviews = [row for row in decisions if row["request"] == request]
    last = {row["by"]: row for row in sorted(reviews, key=lambda row: int(row["id"]))}
    state = max(reviews, key=lambda row: int(row["id"]))["subject_digest"]
    approved = {
        who: row
        for who, row in last.items()
        if row["decision"] == "approve" and row["subject_digest"] == state and who != row["requester"]
    }
    by_passkey = "" if credentials is None else " with a given passkey"
    if credentials is not None:
        approved = {who: row for who, row in approved.items() if signed_by_person(row, name, digest, credentials)}
    if len(approved) < fewest:
        raise Refused(f"{len(approved)} of {fewest} people approved{by_passkey}")
    return approved


def _check_subject(statement: dict[str, Any], name: str, digest: str) -> None:
    subjects = statement.get("subject")
    if not isinstance(subjects, list) or [row.get("name") for row in subjects] != [name]:
        raise Refused(f"a statement is not about {name}")
    if digest not in subjects[0].get("digest", {}).values():
        raise Refused(f"a statement is about other bytes than {digest}")


def signed_by_person(row: dict[str, Any], name: str, digest: str, credentials: set[str]) -> bool:
    """Return whether a given passkey signed an approval of these bytes. A credential is a public key, or NAME=KEY.

    Raises Refused for a signature of a given passkey that is wrong, or is on something else.
    """
    passkey = row.get("passkey")
    if not isinstance(passkey, dict):
        return False
    key = str(passkey.get("public_key"))
    if not credentials & {key, f"{row['by']}={key}"}:
        return False
    try:
        check_assertion(passkey, decode(key), host_of(passkey))
    except BadAssertion as error:
        raise Refused(f"the signature of the passkey of {row['by']} is wrong: {error}") from error
    statement = passkey["statement"]
    same = ("by", "on_behalf_of", "decision", "request", "target", "subject_digest", "policy", "policy_digest")
    signed_digest = str(statement.get("artifact_digest")).rpartition(":")[2].lower()
    if any(statement.get(field) != row.get(field) for field in same) or statement.get("kind") != "review":
        raise Refused(f"what the passkey of {row['by']} signed is not this approval")
    if (statement.get("model_version"), signed_digest) != (name, digest):
        raise Refused(f"what the passkey of {row['by']} signed is about another version")
    return True


def fetch(server: str, model: str, version: str) -> Any:
    """Return the answer of a server; the token is in REGISTRY_TOKEN. Raises Unverifiable."""
    where = f"{server.rstrip('/')}/api/v1/models/{urllib.parse.quote(model, safe='')}/versions/{version}/approval-statements"
    if not where.startswith(("https://", "http://")):
        raise Unverifiable("--server must be an address that begins with https:// or http://")
    token = os.environ.get("REGISTRY_TOKEN", "")
    request = urllib.request.Request(where, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - checked above
            return json.loads(answer.read(_MOST_BYTES))
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unverifiable(f"{where} cannot be read: {error}") from error


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Verify who approved a version of a model in Custody.")
    parser.add_argument("model")
    parser.add_argument("version")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--server", metavar="URL", help="where Custody is; the token is read from REGISTRY_TOKEN")
    source.add_argument("--from", dest="file", type=Path, metavar="FILE", help="an answer that was kept")
    parser.add_argument("--key", action="append", required=True, help="the public key of statements, or a file of them")
    parser.add_argument("--digest", required=True, help="the SHA-256 of what is deployed, in hexadecimal")
    parser.add_argument("--target", default="Production", help="the stage or @alias that had to be approved")
    parser.add_argument(
        "--credential", action="append", help="a passkey's public key, NAME=KEY, or a file: only theirs count"
    )
    parser.add_argument("--approvals", type=int, default=1, help="how many people must have approved")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    options = _options(arguments)
    name, digest = f"{options.model}/{options.version}", options.digest.rpartition(":")[2].lower()
    try:
        keys = [parse_vkey(line) for option in options.key for line in _lines(option)]
        answer = (
            json.loads(options.file.read_bytes())
            if options.file
            else fetch(options.server, options.model, options.version)
        )
        statements = [open_envelope(envelope, keys) for envelope in answer["statements"]]
        credentials = None if options.credential is None else read_credentials(options.credential)
        people = approvers(
            statements,
            name=name,
            digest=digest,
            target=options.target,
            fewest=max(options.approvals, 1),
            credentials=credentials,
        )
    except (Refused, AttributeError, KeyError, TypeError) as error:
        print(f"NOT APPROVED: {name}: {error}")
        return 1
    except (Unverifiable, BadNote, OSError, ValueError) as error:
        print(f"UNVERIFIABLE: {name}: {error}")
        return 2
    signer = "the server" if credentials is None else "a passkey that you gave"
    for who, row in sorted(people.items()):
        print(f"{who} approved {name} for {options.target} at {row['given_at']} ({row['policy']}), signed by {signer}")
    print(f"APPROVED: {name}, {digest}")
    return 0


def _lines(option: str) -> list[str]:
    path = Path(option)
    text = path.read_text(encoding="utf-8") if "+" not in option or path.is_file() else option
    return [line for line in text.splitlines() if line.strip()]


def read_credentials(options: list[str]) -> set[str]:
    """Return the credentials of options, each of which is one, or the path of a file of them."""
    texts = (
        Path(option).read_text(encoding="utf-8") if len(option) < _LONGEST_PATH and Path(option).is_file() else option
        for option in options
    )
    return {line.strip() for text in texts for line in text.splitlines() if line.strip()}


if __name__ == "__main__":
    sys.exit(main())
