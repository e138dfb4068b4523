"""Serving attestations: an endpoint reports the digest of the files it has loaded. A wrong digest opens a finding."""

from __future__ import annotations

import re

from django.db import transaction

from approvals.models.oversight import Finding, FindingOrigin, FindingState
from approvals.oversight.findings import insert_finding
from audit.actions import Action
from audit.services import record
from core.actors import Actor, system_actor
from core.errors import InvalidInput, InvalidState
from policies.rules import Severity
from registry.locks import lock_named
from registry.models import Deployment, ServingAttestation
from registry.permissions import Level
from registry.queries import get_deployment

_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


@transaction.atomic
def attest_serving(*, actor: Actor, deployment_id: int, digest: str) -> ServingAttestation:
    """Record the digest of the files that a live deployment has loaded, and return the attestation.

    ``digest`` is a SHA-256 as hex, with or without `sha256:` before it. If it is not the version's artifact digest, a
    critical finding is opened on the version, unless one is open for this deployment. Raises NotFound, Denied (the
    actor may not edit the model), InvalidInput (not a SHA-256), InvalidState (the deployment has ended, or the server
    has no digest of the version's files).
    """
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput("digest must be a SHA-256: sha256: and 64 hexadecimal digits.")
    attested = get_deployment(actor, deployment_id)
    action, ref = Action.LINEAGE_DEPLOYMENT_ATTESTED, attested.event_object.ref
    lock_named(actor=actor, name=attested.version.model.name, level=Level.EDIT, action=action, obj=ref)
    deployment = Deployment.objects.select_related("endpoint", "version__model").get(pk=attested.pk)
    if deployment.ended_at is not None:
        raise InvalidState(f"Deployment {deployment.number} of {deployment.endpoint} has ended.")
    expected = deployment.version.artifact_digest
    if not expected:
        raise InvalidState(f"{deployment.version} has no digest to compare with: its files are not on this server.")
    loaded = f"sha256:{digest.removeprefix('sha256:')}"
    attestation = ServingAttestation.objects.create(
        deployment=deployment, digest=loaded, expected=expected, matches=loaded == expected, attested_by=actor.name
    )
    record(
        actor=actor,
        action=action,
        obj=deployment,
        after={
            "digest": loaded,
            "expected": expected,
            "matches": attestation.matches,
            "version": deployment.version.version,
            "endpoint": deployment.endpoint.name,
            "deployed_by": deployment.deployed_by,
            "approved_by": deployment.version.approved_by,
        },
    )
    if not attestation.matches:
        _open_finding(attestation)
    return attestation


def _open_finding(attestation: ServingAttestation) -> None:
    deployment = attestation.deployment
    version = deployment.version
    prefix = f"serving:{deployment.pk}:"
    if Finding.objects.filter(version=version, cause__startswith=prefix, state=FindingState.OPEN).exists():
        return
    finding = Finding(
        model=version.model,
        version=version,
        severity=Severity.CRITICAL.value,
        title=f"{deployment.endpoint} runs other files than version {version.version}"[:200],
        description=f"Deployment {deployment.number} of {deployment.endpoint} loaded {attestation.digest}. "
        f"Version {version.version} is {attestation.expected}. {attestation.attested_by} reported it.",
        origin=FindingOrigin.SERVING,
        cause=f"{prefix}{attestation.pk}",
        opened_by="attest_serving",
    )
    insert_finding(actor=system_actor("attest_serving", on_behalf_of=attestation.attested_by), finding=finding)
