"""Registering a dataset version from its Croissant document, and the documents of a version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q

from audit.actions import Action
from audit.evidence import Evidence, node_subject, note_writer
from audit.services import record
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from lineage.croissant.document import Document, read_document
from lineage.identity.bindings import versions_of_digests
from lineage.identity.described import digest_spellings
from lineage.identity.locks import lock_contents
from lineage.identity.names import digest_hex
from lineage.identity.nodes import dataset_spec, ensure_nodes, member_spec
from lineage.identity.settle import settle_description
from lineage.models import DatasetDescription, DatasetFile, Node, NodeKind
from lineage.queries import find_visible
from lineage.visibility import require_declaring, require_visible

_AT_ONCE = 1000
_LONGEST_URN = 700


@dataclass(frozen=True, slots=True)
class Registration:
    """A registered dataset version, and whether the document was new."""

    node: Node
    document: Document
    is_new: bool


@transaction.atomic
def register_document(*, actor: Actor, data: object) -> Registration:
    """Register the dataset version that a Croissant document describes. The same document again changes nothing.

    Raises InvalidInput: the document cannot be read, or its names are too long. Raises NotFound: the actor may not see
    the dataset or the version.
    """
    document = read_document(data)
    body = json.dumps(data)
    (dataset,) = ensure_nodes(dataset_spec(document.name))
    require_visible(actor, dataset)
    spec = member_spec(dataset, document.version or document.digest)
    if len(spec.urn) > _LONGEST_URN:
        raise InvalidInput("The name and the version of the dataset are too long together. Shorten one of them.")
    stored = Node.objects.filter(urn=spec.urn).first()
    if stored is not None:
        require_visible(actor, stored)
    require_declaring(actor, spec.urn, Action.LINEAGE_DATASET_DESCRIBED)
    texts = digest_spellings(document.digest)
    lock_contents([dataset], {*texts, document.version or document.digest})
    before = versions_of_digests(dataset, texts)
    description = _store(actor, dataset, document, body)
    node = settle_description(
        actor=actor, container=dataset, version=document.version, digest=document.digest, before=before
    )
    if description is not None:
        _record(actor, node, description, files=len(document.files))
    return Registration(node, document, is_new=description is not None)


def _store(actor: Actor, dataset: Node, document: Document, body: str) -> DatasetDescription | None:
    """Store a document with its files, and return its row; None where it was stored before."""
    sha256 = hashlib.sha256(json.dumps(json.loads(body), sort_keys=True).encode()).hexdigest()
    same = DatasetDescription.objects.filter(dataset=dataset, version=document.version, sha256=sha256)
    if same.exists():
        return None
    description = DatasetDescription.objects.create(
        dataset=dataset,
        version=document.version,
        digest=document.digest,
        sha256=sha256,
        body=body,
        described_by=actor.name,
        actor_ref=actor.ref[:100],
    )
    files = [
        DatasetFile(description=description, name=file.name, sha256=file.sha256, size=file.size, url=file.url)
        for file in document.files
    ]
    DatasetFile.objects.bulk_create(files, batch_size=_AT_ONCE)
    return description


def _record(actor: Actor, node: Node, description: DatasetDescription, *, files: int) -> None:
    """Record the event of a new description, and that the actor wrote evidence about the version."""
    note_writer(
        actor=actor, subject=node_subject(node.pk), kind=Evidence.EDGE_DECLARED, details=["a Croissant document"]
    )
    after = {
        "version": description.version,
        "digest": description.digest,
        "files": files,
        "document": description.sha256,
    }
    record(actor=actor, action=Action.LINEAGE_DATASET_DESCRIBED, obj=node.urn, after=after)


def descriptions_of(node: Node) -> list[DatasetDescription]:
    """Return the descriptions of a dataset version, newest first."""
    if node.kind != NodeKind.DATASET_VERSION:
        return []
    by_digest = Q(version="", digest=digest_hex(node.digest)) if node.digest else Q(pk__in=[])
    rows = DatasetDescription.objects.filter(Q(version=node.version) | by_digest, dataset=node.container_id)
    return list(rows.order_by("-pk")[:20])


def document_of(actor: Actor, urn: str) -> str:
    """Return the newest Croissant document of a dataset version as JSON.

    Raises NotFound: no such version, one that the actor may not see, or no document describes it.
    """
    node = find_visible(actor, urn)
    descriptions = descriptions_of(node)
    if not descriptions:
        raise NotFound(f"No Croissant document describes {urn[:200]!r}.")
    return descriptions[0].body
