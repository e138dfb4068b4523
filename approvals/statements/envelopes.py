"""Statements of reviews and overrides as in-toto statements in DSSE envelopes, signed by the server's key.

A statement says what one person decided on which bytes, under which policy. It is made from rows that the database
never changes, and Ed25519 gives the same signature each time: so it is not stored.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from approvals.models import RequestState, TransitionRequest
from approvals.packs.approval_records import ApprovalRecord, OverrideRecord, ReviewRecord, SignatureRecord, records_of
from approvals.statements.keys import statement_signers
from audit.transparency.notes import Signer, vkey_text
from audit.verifier.verify_approval import PAYLOAD_TYPE, PREDICATE, STATEMENT, signed_bytes
from core.errors import InvalidState
from registry.models import ModelVersion
from registry.provenance.ancestry import digests_of

Json = dict[str, Any]


def statements_of(version: ModelVersion) -> Json:
    """Return the signed statements of the applied requests of a version, oldest first, and the public keys.

    Raises InvalidState for a version whose files have no digest, Unavailable where this host has no key.
    """
    digests = digests_of(version.artifact_digest)
    if not digests:
        raise InvalidState("The files of this version have no digest, so a statement cannot name them.")
    signers = statement_signers()
    about = {
        "_type": STATEMENT,
        "subject": [{"name": f"{version.model.name}/{version.version}", "digest": digests}],
        "predicateType": PREDICATE,
    }
    return {
        "name": version.model.name,
        "version": version.version,
        "digest": version.artifact_digest,
        "keys": [vkey_text(signer.key) for signer in signers],
        "statements": [_envelope(about | {"predicate": predicate}, signers) for predicate in _predicates(version)],
    }


def _predicates(version: ModelVersion) -> Iterator[Json]:
    rows = TransitionRequest.objects.filter(version=version, state=RequestState.APPLIED).with_relations()
    requests = list(rows.order_by("pk"))
    for request, record in zip(requests, records_of(requests), strict=True):
        for review in record.reviews:
            yield _common(request, record, review) | _review(review)
        for override in record.overrides:
            yield _common(request, record, override) | _override(override)


def _common(request: TransitionRequest, record: ApprovalRecord, row: ReviewRecord | OverrideRecord) -> Json:
    return {
        "signed_by": "passkey" if row.passkey else "server",
        "passkey": asdict(row.passkey) if row.passkey else None,
        "request": record.request,
        "request_kind": request.kind,
        "requester": record.requester,
        "target": record.target,
        "policy": record.policy,
        "policy_digest": record.policy_digest,
        "subject_digest": row.subject_digest,
        "given_at": row.given_at,
        **_signature(row.signature),
    }


def _signature(signature: SignatureRecord | None) -> Json:
    """Return the meaning and the printed name of an electronic signature, "" where the policy asked for none."""
    if signature is None:
        return {"meaning": "", "printed_name": ""}
    return {"meaning": signature.meaning, "printed_name": signature.printed_name}


def _review(row: ReviewRecord) -> Json:
    return {
        "kind": "review",
        "id": row.id,
        "by": row.reviewer,
        "on_behalf_of": row.on_behalf_of,
        "decision": row.decision,
        "rule": "",
    }


def _override(row: OverrideRecord) -> Json:
    return {"kind": "override", "id": row.id, "by": row.given_by, "on_behalf_of": "", "decision": "", "rule": row.rule}


def _envelope(statement: Json, signers: Sequence[Signer]) -> Json:
    payload = orjson.dumps(statement, option=orjson.OPT_SORT_KEYS)
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": signer.key.hash.hex(), "sig": base64.b64encode(signer.sign(signed_bytes(payload))).decode()}
            for signer in signers
        ],
    }
