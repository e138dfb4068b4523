"""Several names of one dataset: their versions with the same name or digest are joined, in both directions.

No node is merged into another, so that a quarantine, a run or a right stays where it is, and a statement that was wrong
can be withdrawn. A statement counts while the actor who made it may see both datasets (decision 0253).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone

from accounts.authentication import actor_from_user
from accounts.models import User
from audit.evidence import Evidence, node_subject, note_writers
from core.actors import Actor, ActorKind
from core.bulk import among
from core.ids import row_id
from lineage.identity.moves import Key, put_edges, retract_all
from lineage.identity.names import is_named_version
from lineage.identity.nodes import member_spec
from lineage.models import Claim, Edge, Node, NodeKind, Relation, SameDataset, SeparatedDatasets
from lineage.visibility import hidden_nodes
from lineage.withdrawn import NAMES_WITHDRAWN

# The attribute of a dataset about which there is a statement: datasets without it cost no query.
HAS_OTHER_NAMES = "has_other_names"
# How often names of versions are followed to digests and back. Each round is three queries.
_MOST_ROUNDS = 5
Version = tuple[Node, str]
"""A dataset and the name of one of its versions."""


@dataclass(frozen=True, slots=True)
class Names:
    """The datasets that are one, by URN, and the actors on whose statements that rests."""

    datasets: tuple[Node, ...]
    actors: tuple[Actor, ...] = ()


def names_of(dataset: Node) -> Names:
    """Return the names of a dataset, itself included. No query where no statement is about it."""
    if not dataset.attrs.get(HAS_OTHER_NAMES):
        return Names((dataset,))
    datasets, actors = {dataset.pk: dataset}, dict[str, Actor]()
    frontier = {dataset.pk}
    while frontier:
        rows = _counting(frontier)
        ends = {end.pk: end for row, _ in rows for end in (row.dataset, row.other)}
        actors |= {actor.ref: actor for _, actor in rows}
        frontier = ends.keys() - datasets.keys()
        datasets |= {pk: ends[pk] for pk in frontier}
    ordered = sorted(datasets.values(), key=lambda node: node.urn)
    return Names(tuple(ordered), tuple(actors[ref] for ref in sorted(actors)))


def statements_about(datasets: Collection[int]) -> list[SameDataset]:
    """Return the statements about datasets that nobody has overruled, oldest first; two queries."""
    about = Q(dataset__in=datasets) | Q(other__in=datasets)
    separated = set(SeparatedDatasets.objects.filter(about).values_list("dataset_id", "other_id"))
    rows = SameDataset.objects.filter(about).select_related("dataset", "other").order_by("pk")
    return [row for row in rows if (row.dataset_id, row.other_id) not in separated]


def _counting(datasets: Collection[int]) -> list[tuple[SameDataset, Actor]]:
    """Return the statements about datasets whose actors may see both ends, with these actors."""
    rows_of_actor: dict[tuple[str, str], list[SameDataset]] = defaultdict(list)
    for row in statements_about(datasets):
        rows_of_actor[row.actor_ref, row.stated_by].append(row)
    counting = []
    for (ref, name), rows in rows_of_actor.items():
        actor = _actor(ref, name)
        hidden = hidden_nodes(actor, [end for row in rows for end in (row.dataset, row.other)])
        counting += [(row, actor) for row in rows if not {row.dataset_id, row.other_id} & hidden]
    return counting


def _actor(ref: str, name: str) -> Actor:
    """Return the actor of a statement with the rights that the account has now."""
    kind, _, key = ref.partition(":")
    user = User.objects.filter(pk=row_id(key)).first() if row_id(key) else None
    return actor_from_user(user, auth="token", request_id="") if user else Actor(kind=ActorKind(kind), name=name)


def join_versions(*, actor: Actor, versions: Iterable[Version], reason: str = NAMES_WITHDRAWN) -> None:
    """Join versions with the same versions under the other names of their datasets.

    Edges that no longer follow are retracted with the ``reason``. No query where no dataset has another name.
    """
    texts: dict[int, set[str]] = defaultdict(set)
    datasets: dict[int, Node] = {}
    for dataset, version in versions:
        if dataset.attrs.get(HAS_OTHER_NAMES) and is_named_version(version):
            datasets[dataset.pk] = dataset
            texts[dataset.pk].add(version)
    while datasets:
        names = names_of(datasets[min(datasets)])
        together = {node.pk for node in names.datasets}
        _join(actor, names, set().union(*(texts[pk] for pk in together)), reason)
        datasets = {pk: node for pk, node in datasets.items() if pk not in together}


def join_all_versions(*, actor: Actor, datasets: Iterable[Node], reason: str = NAMES_WITHDRAWN) -> None:
    """Join all versions of datasets with those under their other names, as `join_versions` does."""
    by_id = {node.pk: node for node in datasets}
    rows = Node.objects.filter(container__in=by_id, kind=NodeKind.DATASET_VERSION).values_list(
        "container_id", "version"
    )
    versions = [(by_id[container], version) for container, version in rows if container is not None]
    join_versions(actor=actor, versions=versions, reason=reason)


def _join(actor: Actor, names: Names, texts: set[str], reason: str) -> None:
    """Insert the edges between equal versions, all through the one whose URN sorts first; retract those too many."""
    members, urn_of = _members(names.datasets, texts)
    rel = Relation.SAME_VERSION.value
    needed: set[Key] = set()
    for ids in members.values():
        first, *others = sorted(ids, key=lambda pk: urn_of[pk])
        needed |= {key for pk in others for key in ((first, pk, rel, ""), (pk, first, rel, ""))}
    existing, apart = _existing(urn_of, {node.pk for node in names.datasets})
    new = put_edges(dict.fromkeys(needed - existing.keys(), timezone.now()))
    for author in names.actors if new else ():
        subjects = {node_subject(dst) for _, dst, *_ in new}
        note_writers(actor=author, subjects=subjects, kind=Evidence.EDGE_DECLARED, detail="another name of the data")
    outdated = {existing[key] for key in existing.keys() - needed}
    retract_all(actor=actor, edge_ids=outdated & apart, reason=reason)
    retract_all(actor=actor, edge_ids=outdated - apart, reason="identified with another version")


def _existing(nodes: Collection[int], datasets: Collection[int]) -> tuple[dict[Key, int], set[int]]:
    """Return the ids of the edges between names of versions, and of those that leave the datasets."""
    rows = Edge.objects.filter(Q(src__in=nodes) | Q(dst__in=nodes), rel=Relation.SAME_VERSION)
    existing: dict[Key, int] = {}
    apart: set[int] = set()
    columns = ("pk", "src_id", "dst_id", "rel", "role", "src__container_id", "dst__container_id")
    for pk, src, dst, rel, role, *containers in rows.values_list(*columns):
        existing[src, dst, rel, role] = pk
        if not set(containers) <= set(datasets):
            apart.add(pk)
    return existing, apart


def _members(datasets: Collection[Node], texts: set[str]) -> tuple[Mapping[str, set[int]], Mapping[int, str]]:
    """Return the versions that each text names, by id, and the URNs of all nodes that were read.

    A text is the name of a version, or a digest that runs logged for it. The further texts of a version count too.
    """
    waiting, seen = set(texts), set[str]()
    members: dict[str, set[int]] = defaultdict(set)
    urn_of: dict[int, str] = {}
    for _ in range(_MOST_ROUNDS):
        if not waiting:
            break
        urns = {member_spec(dataset, text).urn: text for dataset in datasets for text in waiting}
        versions: dict[int, Node] = {}
        for node in Node.objects.select_related("alias_of").filter(urn__in=among(sorted(urns))):
            urn_of[node.pk] = node.urn
            meant = node.alias_of or node
            versions[meant.pk] = meant
            members[urns[node.urn]].add(meant.pk)
        for digest, node in _logged(datasets, waiting):
            versions[node.pk] = node
            members[digest].add(node.pk)
        urn_of |= {pk: node.urn for pk, node in versions.items()}
        seen |= waiting
        waiting = _texts_of(versions) - seen
    return members, urn_of


def _logged(datasets: Collection[Node], digests: Collection[str]) -> list[tuple[str, Node]]:
    """Return the versions that runs mean by these digests."""
    claims = Claim.objects.filter(container__in=[node.pk for node in datasets], digest__in=among(sorted(digests)))
    pairs = set(claims.filter(node__isnull=False).order_by().values_list("digest", "node_id").distinct())
    nodes = Node.objects.in_bulk({pk for _, pk in pairs})
    return [(digest, nodes[pk]) for digest, pk in sorted(pairs)]


def _texts_of(versions: Mapping[int, Node]) -> set[str]:
    """Return the names and digests of versions, without those that name no version."""
    aliases = Node.objects.filter(alias_of__in=versions).values_list("version", flat=True)
    digests = Claim.objects.filter(node__in=versions).order_by().values_list("digest", flat=True).distinct()
    texts = {*(node.version for node in versions.values()), *aliases, *digests}
    return {text for text in texts if is_named_version(text)}
