"""Other names of datasets in OpenLineage events: the facet symlinks, and the old name of a renamed dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit.actions import Action
from audit.services import record
from core.actors import Actor
from lineage.identity.same_datasets import HAS_OTHER_NAMES, join_all_versions
from lineage.models import Node, SameDataset
from lineage.openlineage.dataset_names import clean_name, clean_namespace
from lineage.openlineage.events import NamedDataset
from lineage.visibility import hidden_nodes

# How many names of one dataset are read from one event.
_MOST_NAMES = 20
_LONGEST = 500
Statement = tuple[str, str, str]
"""The keys of two datasets that are one, and the facet that says so."""


def other_names(datasets: Iterable[NamedDataset]) -> set[Statement]:
    """Return the statements of events that a dataset has another name."""
    return {
        (dataset.key, other.key, how)
        for dataset in datasets
        for how, other in _named(dataset.facets)
        if other.key != dataset.key
    }


def _named(facets: Mapping[str, Any]) -> Iterator[tuple[str, NamedDataset]]:
    symlinks = facets.get("symlinks", {})
    identifiers = symlinks.get("identifiers")
    if isinstance(identifiers, list) and not symlinks.get("_deleted"):
        yield from ((SameDataset.SYMLINKS, other) for item in identifiers[:_MOST_NAMES] for other in _dataset(item))
    change = facets.get("lifecycleStateChange", {})
    if str(change.get("lifecycleStateChange", "")).upper() == "RENAME" and not change.get("_deleted"):
        yield from ((SameDataset.RENAME, other) for other in _dataset(change.get("previousIdentifier")))


def _dataset(item: object) -> Iterator[NamedDataset]:
    """Yield the dataset that an identifier names, nothing where it names none."""
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        return
    name = clean_name(item["name"].replace("\x00", ""))[:_LONGEST]
    namespace = item.get("namespace")
    if name:
        yield NamedDataset(
            clean_namespace(namespace if isinstance(namespace, str) else "")[:_LONGEST] or "default", name
        )


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two datasets that are one, that whose URN sorts first in front, and the facet that says so."""

    dataset: Node
    other: Node
    how: str

    @property
    def key(self) -> tuple[int, int, str]:
        """Return the ids of the datasets, and the facet."""
        return self.dataset.pk, self.other.pk, self.how


def state_names(actor: Actor, statements: Iterable[Statement], nodes: Mapping[str, Node]) -> None:
    """Store new statements about the datasets, given by their keys, and join their versions.

    A statement about a dataset that the actor may not see is left out, as if no such dataset existed.
    """
    pairs = {pair.key: pair for pair in (_pair(nodes, *row) for row in sorted(statements))}
    pairs = {key: pair for key, pair in pairs.items() if key[0] != key[1]}
    if not pairs:
        return
    stored = SameDataset.objects.filter(dataset__in={key[0] for key in pairs}, actor_ref=actor.ref[:100])
    stored_keys = set(stored.values_list("dataset_id", "other_id", "how"))
    new = [pair for key, pair in pairs.items() if key not in stored_keys]
    hidden = hidden_nodes(actor, _datasets(new))
    visible = [pair for pair in new if not {pair.dataset.pk, pair.other.pk} & hidden]
    for pair in visible:
        _state(actor, pair)
    join_all_versions(actor=actor, datasets=_datasets(visible))


def _pair(nodes: Mapping[str, Node], key: str, other: str, how: str) -> _Pair:
    first, last = sorted((nodes[key], nodes[other]), key=lambda node: node.urn)
    return _Pair(first, last, how)


def _datasets(pairs: Iterable[_Pair]) -> list[Node]:
    nodes = {node.pk: node for pair in pairs for node in (pair.dataset, pair.other)}
    return list(nodes.values())


def _state(actor: Actor, pair: _Pair) -> None:
    """Store a statement, mark its two datasets, and record an event."""
    dataset, other = pair.dataset, pair.other
    SameDataset.objects.create(
        dataset=dataset, other=other, how=pair.how, stated_by=actor.name, actor_ref=actor.ref[:100]
    )
    for node in (dataset, other):
        if not node.attrs.get(HAS_OTHER_NAMES):
            node.attrs = node.attrs | {HAS_OTHER_NAMES: True}
            node.save(update_fields=["attrs"])
    after = {"other": other.name, "dataset": other.urn, "facet": pair.how}
    record(actor=actor, action=Action.LINEAGE_NAMES_JOINED, obj=dataset.urn, after=after)
