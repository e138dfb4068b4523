"""People who changed the ancestry of a node: by declared or retracted edges, or by releasing quarantines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from audit.evidence import Evidence, node_subject
from audit.models import EvidenceWriter
from lineage.models import Node, Quarantine
from lineage.quarantine import ever_above

QUARANTINE_RELEASED = "quarantine_released"
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AncestryWriter:
    """A person who changed the ancestry: name, kind of change, and its detail, such as the URN of the other node."""

    name: str
    kind: str
    detail: str


def ancestry_writers(urns: Collection[str]) -> Mapping[str, frozenset[AncestryWriter]]:
    """Return the people who changed the ancestry of each node, by URN; {} where nobody ever changed any ancestry.

    Ancestors that a run has withdrawn count too (withdrawn.py). Only changes of ancestors are read, with a query for
    each thousand ancestors. Two queries where there are no changes.
    """
    released: dict[int, set[AncestryWriter]] = defaultdict(set)
    rows = Quarantine.objects.filter(released_at__isnull=False).values_list("node_id", "released_by", "node__urn")
    for node_id, name, urn in rows:
        released[node_id].add(AncestryWriter(name, QUARANTINE_RELEASED, urn))
    notes = EvidenceWriter.objects.filter(kind__in=[Evidence.EDGE_DECLARED, Evidence.EDGE_RETRACTED])
    if not released and not notes.exists():
        return {}
    ids = dict(Node.objects.filter(urn__in=set(urns)).values_list("pk", "urn"))
    above = ever_above(sorted(ids))
    written = _written(notes, sorted(set().union(*above.values())))
    return {
        urn: frozenset().union(*(written.get(pk, set()) | released.get(pk, set()) for pk in above[root]))
        for root, urn in ids.items()
    }


def _written(notes: QuerySet[EvidenceWriter], nodes: Sequence[int]) -> dict[int, set[AncestryWriter]]:
    writers_by_id: dict[int, set[AncestryWriter]] = defaultdict(set)
    for start in range(0, len(nodes), _AT_ONCE):
        subjects = {node_subject(pk): pk for pk in nodes[start : start + _AT_ONCE]}
        rows = notes.filter(subject__in=subjects).values_list("subject", "name", "kind", "detail")
        for subject, name, kind, detail in rows:
            writers_by_id[subjects[subject]].add(AncestryWriter(name, kind, detail))
    return writers_by_id
