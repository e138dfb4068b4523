"""The short way to say that a run read a dataset version."""

from __future__ import annotations

from django.db import transaction

from core.actors import Actor
from core.refs import run_ref
from lineage.identity.claims import ClaimedInput, Witness
from lineage.identity.names import version_key
from lineage.identity.nodes import dataset_spec
from lineage.models import Claim, Node
from lineage.services import OBSERVED, record_inputs


@transaction.atomic
def record_consumed(
    *,
    actor: Actor,
    run_id: str,
    dataset: str,
    version: str,
    digest: str = "",
    role: str = "",
    source: str = "",
) -> Node:
    """Record that a run read a dataset version, as its tag or (with a digest) its logged inputs say;
    return the node.
    """
    witness = Witness(OBSERVED, source or run_ref(run_id), "input" if digest else "tag")
    said = ClaimedInput(dataset_spec(dataset), version_key(version), digest, role)
    record_inputs(actor=actor, run_id=run_id, claimed=[said], witness=witness)
    claim = Claim.objects.select_related("node").get(
        run__urn=run_ref(run_id), container__urn=said.container.urn, version=said.version, digest=digest, role=role
    )
    assert claim.node is not None
    return claim.node
