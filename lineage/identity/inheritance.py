"""Inputs of nested runs: a run inherits those of its parents, and a run that produced a model those of its children.

Only inputs that a run logged itself are inherited, so no input passes from a child through its parent to a sibling, and
there is no cycle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from core.actors import Actor
from lineage.identity.moves import Key, put_edges, retract_all
from lineage.models import Edge, Node, NodeKind, Relation
from lineage.withdrawn import NOT_INHERITED

FROM_PARENT = "parent"
FROM_CHILD = "child"
_DEEPEST = 20
_MODELS = (NodeKind.MODEL_VERSION, NodeKind.LOGGED_MODEL)


def set_parent(*, actor: Actor, run: Node, parent: Node | None, reason: str = "") -> None:
    """Set the parent of a run, or remove it. The inputs that it inherited from the old parent are retracted."""
    if run.container_id == (parent.pk if parent else None) or (parent and parent.pk == run.pk):
        return
    before = _above(run.pk)
    run.container = parent
    run.save(update_fields=["container"])
    _settle(actor, {run.pk, *before, *_above(run.pk), *_below([run.pk])}, reason)


def update_inheritance(*, actor: Actor, run: Node, reason: str = "") -> None:
    """Update the inherited inputs of a run, its parents and its children after the run's own inputs changed."""
    relatives = {run.pk, *_above(run.pk), *_below([run.pk])}
    if len(relatives) > 1 or run.container_id is not None:
        _settle(actor, relatives, reason)


def settle_families(*, actor: Actor, runs: set[int], reason: str = "") -> None:
    """Update the inherited inputs of many runs, their parents and their children at once."""
    nested = Q(container__isnull=False) | Q(members__isnull=False)
    family = set(Node.objects.filter(nested, pk__in=runs).values_list("pk", flat=True).distinct())
    if family:
        family |= _below(family)
        _settle(actor, family | set(_parents(family).values()), reason)


def _above(run: int) -> list[int]:
    """Return the parent of a run, its parent, and so on, at most 20. A cycle of parents is followed once."""
    parents: list[int] = []
    parent = Node.objects.filter(pk=run).values_list("container_id", flat=True).first()
    while parent is not None and parent != run and parent not in parents and len(parents) < _DEEPEST:
        parents.append(parent)
        parent = Node.objects.filter(pk=parent).values_list("container_id", flat=True).first()
    return parents


def _below(runs: Iterable[int]) -> set[int]:
    """Return the child runs of runs, their children, and so on."""
    seen: set[int] = set()
    frontier = set(runs)
    for _ in range(_DEEPEST):
        frontier = set(Node.objects.filter(container_id__in=frontier).values_list("pk", flat=True)) - seen - frontier
        seen |= frontier
        if not frontier:
            break
    return seen


def _settle(actor: Actor, runs: set[int], reason: str) -> None:
    """Insert the inherited edges that these runs lack and retract those they should no longer have."""
    parents = _parents(runs)
    family = {*parents, *runs}
    direct: dict[int, set[int]] = defaultdict(set)
    for src, dst in Edge.objects.filter(dst_id__in=family, rel=Relation.CONSUMED).values_list("src_id", "dst_id"):
        direct[dst].add(src)
    produced = Edge.objects.filter(src_id__in=family, rel=Relation.PRODUCED, dst__kind__in=_MODELS)
    makers = set(produced.values_list("src_id", flat=True))
    keys_needed = _inherited(runs, parents, direct, makers)
    rows = Edge.objects.filter(dst_id__in=runs, rel=Relation.INHERITED)
    existing: dict[Key, int] = {
        (src, dst, rel, role): pk
        for pk, src, dst, rel, role in rows.values_list("pk", "src_id", "dst_id", "rel", "role")
    }
    if new := keys_needed - existing.keys():
        put_edges(dict.fromkeys(new, timezone.now()))
    if outdated := existing.keys() - keys_needed:
        retract_all(actor=actor, edge_ids=[existing[key] for key in outdated], reason=reason or NOT_INHERITED)


def _parents(runs: set[int]) -> dict[int, int]:
    """Return the parent of each run, and of the runs above and below it, by run."""
    parents: dict[int, int] = {}
    frontier = {*runs, *_below(runs)}
    for _ in range(_DEEPEST):
        rows = Node.objects.filter(pk__in=frontier, container_id__isnull=False).values_list("pk", "container_id")
        next_parents = {pk: parent for pk, parent in rows if parent is not None}
        parents |= next_parents
        frontier = set(next_parents.values()) - parents.keys()
        if not frontier:
            break
    return parents


def _inherited(runs: set[int], parents: dict[int, int], direct: dict[int, set[int]], makers: set[int]) -> set[Key]:
    inherited: set[Key] = set()
    rel = Relation.INHERITED.value
    for run in {*parents, *runs}:
        for above in _chain(run, parents):
            if run in runs:
                inherited |= {(src, run, rel, FROM_PARENT) for src in direct[above] - direct[run]}
            if above in runs and above in makers:
                inherited |= {(src, above, rel, FROM_CHILD) for src in direct[run] - direct[above]}
    return {key for key in inherited if key[0] != key[1]}


def _chain(run: int, parents: dict[int, int]) -> list[int]:
    """Return the parent of a run, its parent, and so on, from ``parents``."""
    chain: list[int] = []
    parent = parents.get(run)
    while parent is not None and parent != run and parent not in chain and len(chain) < _DEEPEST:
        chain.append(parent)
        parent = parents.get(parent)
    return chain
