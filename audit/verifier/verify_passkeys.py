#!/usr/bin/env python3
"""Say for each decision of an audit export of Custody whether a person's own passkey signed it.

    python3 verify_passkeys.py EXPORT.zip --vkey KEY [--checkpoint OLD]... [--credential KEY]... [--key STATEMENTS]

It verifies the export first, as audit_verify.py does. A passkey is a person's where its public key was given as a
credential, or where OLD, a checkpoint that you kept, covers the event that added it. Each decision is signed by
`person` (such a passkey), by `server` (the key of STATEMENTS, or a passkey that only this server vouches for), or by
`none`. Exit status: 0 all signatures are right, 1 one is wrong, 2 the input cannot be verified. Needs the other files
of the verifier beside it, and nothing else. Python 3.9 or newer.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

if __package__:
    from audit.verifier import audit_verify as log
    from audit.verifier.decision_events import KINDS, OVERRIDE, Export, check_statement, enrols, read_export
    from audit.verifier.verify_approval import Refused, open_envelope, read_credentials
    from audit.verifier.webauthn_verify import BadAssertion, check_assertion, decode, host_of
else:
    sys.dont_write_bytecode = True  # compiled files beside an unpacked export would not be part of it
    import audit_verify as log  # type: ignore[import-not-found,no-redef]  # beside this file where it runs alone
    from decision_events import (  # type: ignore[import-not-found,no-redef]  # beside this file
        KINDS,
        OVERRIDE,
        Export,
        check_statement,
        enrols,
        read_export,
    )
    from verify_approval import Refused, open_envelope, read_credentials  # type: ignore[import-not-found,no-redef]  # beside this file
    from webauthn_verify import BadAssertion, check_assertion, decode, host_of  # type: ignore[import-not-found,no-redef]  # beside this file

STATEMENTS = "approval-statements.json"
PERSON, SERVER, NONE = "person", "server", "none"


class Finding(NamedTuple):
    """A finding about one decision: whose key signed it, and why. ``problem`` is "" where nothing is wrong.

    ``statement`` is what a passkey signed: the decision, the version, its bytes and the target. The numbers of a
    request and of a version, which the event has, are not unique: a server can let them mean another model.
    """

    seq: int
    decision: str
    by: str
    object: str
    signed_by: str
    why: str
    problem: str = ""
    statement: str = ""


@dataclass
class Trust:
    """The input of the auditor: keys of people, the size of the largest kept checkpoint, and keys of statements.

    A credential is a public key, or `NAME=KEY` for the decisions of one person.
    """

    credentials: set[str] = field(default_factory=set)
    covered: int = 0
    statement_keys: list[log.Key] = field(default_factory=list)
    rp_id: str = ""


def findings_of(package: log.Package, size: int, trust: Trust) -> list[Finding]:
    """Return a finding about each decision of a verified export. Raises ValueError, KeyError, TypeError.

    ``size`` is that of the export's checkpoint.
    """
    export = read_export(package, size)
    by_server = _stated(package, trust)
    seen = _Seen()
    findings = []
    for seq, event in export.decisions:
        if not isinstance(event["after"].get("passkey"), dict):
            findings.append(_unsigned(seq, event, by_server))
            continue
        try:
            finding = _signed(seq, event, export, trust)
            seen.check(event["after"]["passkey"])
        except BadAssertion as error:
            finding = _finding(seq, event, NONE, "", str(error))
        findings.append(finding)
    return findings


def _signed(seq: int, event: dict[str, Any], export: Export, trust: Trust) -> Finding:
    """Return the finding about a decision with a right signature. Raises BadAssertion."""
    passkey = event["after"]["passkey"]
    key, credential = str(passkey.get("public_key")), str(passkey.get("credential_id"))
    enrolment = export.enrolments.get(str(passkey.get("enrolment_event")))
    if enrolment is not None and not enrols(enrolment, passkey, event["actor"]["name"], seq):
        raise BadAssertion("the event that it names did not add this key for this person")
    if export.removed.get(credential, seq) < seq:
        raise BadAssertion(f"event {export.removed[credential]} had removed the passkey before")
    rp_id = trust.rp_id or str(enrolment.facts.get("rp_id") if enrolment else "")
    check_assertion(passkey, decode(key), rp_id or host_of(passkey))
    check_statement(event, export.requests.get(event["object"], {}))
    signed_by, why = SERVER, "with a passkey that only this server vouches for"
    if trust.credentials & {key, f"{event['actor']['name']}={key}"}:
        signed_by, why = PERSON, "with a passkey whose public key you gave"
    elif enrolment is not None and enrolment.seq < trust.covered:
        signed_by, why = PERSON, f"with a passkey added by event {enrolment.seq}, which a checkpoint covers"
    return _finding(seq, event, signed_by, why)._replace(statement=_statement_text(passkey["statement"]))


def _statement_text(statement: dict[str, Any]) -> str:
    """Return the decision, the version and the target of a statement as text."""
    decision, version, target = (str(statement.get(key, "")) for key in ("decision", "model_version", "target"))
    return f"{decision} {version} ({statement.get('artifact_digest', '')}) for {target}"


class _Seen:
    """The nonces and sign counts of the signatures so far, in the order of the log."""

    def __init__(self) -> None:
        self.nonces: set[str] = set()
        self.counts: dict[str, int] = {}

    def check(self, passkey: dict[str, Any]) -> None:
        """Raise BadAssertion for a signature that was used before, or whose sign count did not rise."""
        nonce, credential = str(passkey["statement"].get("nonce")), str(passkey["credential_id"])
        if nonce in self.nonces:
            raise BadAssertion("the same signature stands under another decision, too")
        self.nonces.add(nonce)
        count, last = (
            int.from_bytes(decode(passkey["authenticator_data"])[33:37], "big"),
            self.counts.get(credential, 0),
        )
        if count <= last and (count or last):
            raise BadAssertion("its sign count did not rise: the key may have been copied")
        self.counts[credential] = count


def _unsigned(seq: int, event: dict[str, Any], by_server: set[tuple[str, int]]) -> Finding:
    after = event["after"]
    name = "override" if event["action"] == OVERRIDE else "review"
    if isinstance(after.get(name), int) and (name, after[name]) in by_server:
        return _finding(seq, event, SERVER, "with its key of statements")
    return _finding(seq, event, NONE, "it stands in the signed log, and nothing else signs it")


def _finding(seq: int, event: dict[str, Any], signed_by: str, why: str, problem: str = "") -> Finding:
    decision = str(event["after"].get("decision") or KINDS[event["action"]])
    return Finding(seq, decision, event["actor"]["name"], event["object"], signed_by, why, problem)


def _stated(package: log.Package, trust: Trust) -> set[tuple[str, int]]:
    """Return kind and id of the decisions that the given key of statements signed. Raises ValueError."""
    if STATEMENTS not in package.names or not trust.statement_keys:
        return set()
    try:
        envelopes = json.loads(package.read_small(STATEMENTS))["statements"]
        rows = [open_envelope(envelope, trust.statement_keys)["predicate"] for envelope in envelopes]
    except (Refused, KeyError, TypeError) as error:
        raise ValueError(f"{STATEMENTS}: {error}") from error
    return {(str(row["kind"]), int(row["id"])) for row in rows}


# --- the command -----------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """Run as a command; return the exit status."""
    parser = argparse.ArgumentParser(description="Say whose key signed the decisions of an audit export of Custody.")
    parser.add_argument("export", type=Path, help="the zip file, or the directory it was unpacked into")
    parser.add_argument("--vkey", action="append", required=True, metavar="KEY", help="a public key of the log")
    parser.add_argument("--checkpoint", action="append", default=[], type=Path, metavar="OLD", help="one that you kept")
    parser.add_argument("--credential", action="append", default=[], help="a passkey's public key, NAME=KEY, or a file")
    parser.add_argument("--key", action="append", default=[], help="a public key of statements, or a file of them")
    parser.add_argument("--rp-id", default="", metavar="HOST", help="the host name that the passkeys belong to")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    options = parser.parse_args(arguments)
    try:
        keys = [log.parse_vkey(line) for option in options.vkey for line in _lines(option)]
        olds = [path.read_bytes() for path in options.checkpoint]
        report = log.verify(options.export, keys, olds, full=True)
        if report.errors:
            return _tampered(report.errors, as_json=options.json)
        size, origin = report.facts["size"], report.facts["log"]
        checkpoints = [log.open_checkpoint(data, keys) for data in olds]
        trust = Trust(
            credentials=read_credentials(options.credential),
            covered=max((old.size for old in checkpoints if old.origin == origin), default=0),
            statement_keys=[log.parse_vkey(line) for option in options.key for line in _lines(option)],
            rp_id=options.rp_id,
        )
        findings = findings_of(log.Package(options.export), size, trust)
    except (log.Unusable, log.BadNote, OSError, KeyError, TypeError, ValueError) as error:
        print(json.dumps({"result": "unusable", "why": str(error)}) if options.json else f"UNUSABLE: {error}")
        return 2
    return _print(findings, as_json=options.json)


def _tampered(errors: list[dict[str, Any]], *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"result": "tampered", "errors": errors}, indent=2))
    else:
        print("\n".join(f"WRONG  {error['where']}: {error['what']}" for error in errors))
        print("TAMPERED: what was exported is not what is here.")
    return 1


def _print(findings: list[Finding], *, as_json: bool) -> int:
    wrong = [row for row in findings if row.problem]
    if as_json:
        rows = [row._asdict() for row in findings]
        print(json.dumps({"result": "wrong" if wrong else "ok", "decisions": rows}, indent=2))
        return 1 if wrong else 0
    for row in findings:
        outcome = f"WRONG: {row.problem}" if row.problem else f"signed by {row.signed_by}: {row.why}"
        print(f"event {row.seq}: {row.by!a} {row.decision} {row.object}: {outcome}")
        if row.statement:
            print(f"    signed: {row.statement!a}")
    print(f"WRONG: {len(wrong)} signatures" if wrong else f"OK: {len(findings)} decisions")
    return 1 if wrong else 0


def _lines(option: str) -> list[str]:
    path = Path(option)
    text = path.read_text(encoding="utf-8") if "+" not in option or path.is_file() else option
    return [line.strip() for line in text.splitlines() if line.strip()]


if __name__ == "__main__":
    sys.exit(main())
