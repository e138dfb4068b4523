"""The statement that a person signs with a passkey: who decides what on which bytes, under which policy.

Its keys and their meaning are in docs/reference.md (Signatures by passkeys). The offline verifier reads it.
"""

from __future__ import annotations

import hashlib

from accounts.passkeys.assertions import Facts
from approvals.case.loading import Case
from policies.matching import LoadedPolicy
from registry.models import ModelVersion

STATEMENT_TYPE = "custody.approval/1"
REVIEW, OVERRIDE, BREAK_GLASS = "review", "override", "break_glass"


def review_facts(case: Case, *, by: str, on_behalf_of: str, decision: str, meaning: str, comment: str) -> Facts:
    """Return the facts of a review of the present state of a request."""
    return _facts_of_case(case, by, comment) | {
        "kind": REVIEW,
        "on_behalf_of": on_behalf_of,
        "decision": decision,
        "meaning": meaning,
    }


def override_facts(case: Case, *, by: str, rule: str, meaning: str, reason: str) -> Facts:
    """Return the facts of an override of a rule for the present state of a request."""
    return _facts_of_case(case, by, reason) | {
        "kind": OVERRIDE,
        "decision": OVERRIDE,
        "rule": rule,
        "meaning": meaning,
    }


def break_glass_facts(version: ModelVersion, *, by: str, target: str, policy: LoadedPolicy, reason: str) -> Facts:
    """Return the facts of a new request for break-glass. It has no number and no subject digest yet."""
    return _facts(version, target, policy, by, reason) | {"kind": BREAK_GLASS, "decision": BREAK_GLASS}


def _facts_of_case(case: Case, by: str, comment: str) -> dict[str, str | int]:
    request = case.request
    return _facts(request.version, request.target, case.policy, by, comment) | {
        "request": request.pk,
        "subject_digest": case.snapshot.subject_digest,
    }


def _facts(version: ModelVersion, target: str, policy: LoadedPolicy, by: str, comment: str) -> dict[str, str | int]:
    return {
        "type": STATEMENT_TYPE,
        "by": by,
        "on_behalf_of": "",
        "model_version": f"{version.model.name}/{version.version}",
        "artifact_digest": version.artifact_digest,
        "request": 0,
        "target": target,
        "subject_digest": "",
        "rule": "",
        "meaning": "",
        "comment_sha256": hashlib.sha256(comment.strip().encode()).hexdigest(),
        "policy": policy.label,
        "policy_digest": policy.revision.digest,
    }
