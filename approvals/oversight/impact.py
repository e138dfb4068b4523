"""Impact of data: the model versions that descend from it, with owners, live deployments and the approvals they have.

Nothing is cut: the graph is walked whole, and versions are read in parts, so that a hundred thousand of them can be
streamed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from approvals.models.requests import LIVE_STATES, RequestState, TransitionRequest
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.refs import version_ref
from lineage.answers import anchors_of
from lineage.graph.reads import read_of_kinds
from lineage.models import Node, NodeKind
from lineage.queries import find_node
from lineage.visibility import hidden_nodes, known_nodes, require_visible
from registry.models import Alias, Deployment, ModelVersion
from registry.permissions import visible_versions
from registry.stages import Stage

MOST_WALKED = 2_000_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class AffectedVersion:
    """A version that descends from the data.

    ``deployments`` are live ones, ``approvals`` open, approved and applied.
    """

    version: ModelVersion
    aliases: tuple[str, ...]
    deployments: tuple[Deployment, ...]
    approvals: tuple[TransitionRequest, ...]

    @property
    def is_live(self) -> bool:
        """Return whether somebody gets this version now: by its stage, an alias, or a deployment."""
        return self.version.stage == Stage.PRODUCTION or bool(self.aliases or self.deployments)

    @property
    def owners(self) -> tuple[str, ...]:
        """Return the creators of the model and of the version."""
        creators = (self.version.model.created_by, self.version.created_by)
        return tuple(dict.fromkeys(name for name in creators if name))

    @property
    def urn(self) -> str:
        """Return the URN of the version."""
        return version_ref(self.version.model.name, self.version.version)


@dataclass(frozen=True, slots=True)
class Impact:
    """The impact of data: the total numbers, and the versions that the caller may see, read as they are
    asked.
    """

    starts: tuple[Node, ...]
    total: int
    runs: int
    version_keys: tuple[tuple[str, int], ...]
    truncated: bool

    def versions(self, actor: Actor) -> Iterator[AffectedVersion]:
        """Return the affected versions by model and number, those in use among them;
        a fixed number of queries for 500.
        """
        for start in range(0, len(self.version_keys), _AT_ONCE):
            yield from _affected(actor, self.version_keys[start : start + _AT_ONCE])

    def part(self, actor: Actor, keys: Sequence[tuple[str, int]]) -> list[AffectedVersion]:
        """Return some of the affected versions, by keys of `version_keys`."""
        return list(_affected(actor, keys))


def dataset_versions(actor: Actor, name_urn: str, versions: Sequence[str]) -> tuple[Node, ...]:
    """Return versions of a dataset that the actor may see, all where none are named.

    Raises NotFound; InvalidInput: no dataset.
    """
    dataset = find_node(name_urn)
    require_visible(actor, dataset)
    if dataset.kind != NodeKind.DATASET:
        raise InvalidInput(f"{name_urn[:200]!r} is no dataset.")
    members = Node.objects.filter(container=dataset, alias_of__isnull=True).order_by("-id")
    if not versions:
        return (dataset, *known_nodes(actor, members))
    named = {node.version: node for node in known_nodes(actor, members.filter(version__in=versions))}
    if missing := [version for version in versions if version not in named]:
        raise NotFound(f"{dataset.name} has no version {missing[0][:100]!r}.")
    return tuple(named[version] for version in dict.fromkeys(versions))


def impact_of(actor: Actor, nodes: Sequence[Node]) -> Impact:
    """Return the descendants of nodes that the actor may see. Never cut below MOST_WALKED nodes."""
    starts = list(dict.fromkeys(pk for node in nodes for pk in (*anchors_of(node, "down"), node.pk)))
    below, seen = read_of_kinds(starts, "down", frozenset(NodeKind), limit=MOST_WALKED)
    hidden = hidden_nodes(actor, below)
    visible = [row for row in below if row.id not in hidden]
    keys = {
        (row.name, int(row.version))
        for row in visible
        if row.kind == NodeKind.MODEL_VERSION and row.version.isdecimal()
    }
    return Impact(
        starts=tuple(nodes),
        total=len(visible),
        runs=sum(row.kind == NodeKind.RUN for row in visible),
        version_keys=tuple(sorted(keys)),
        truncated=seen > MOST_WALKED,
    )


def _affected(actor: Actor, keys: Sequence[tuple[str, int]]) -> list[AffectedVersion]:
    requested = set(keys)
    rows = visible_versions(actor).filter(
        model__name__in={name for name, _ in keys}, version__in={number for _, number in keys}
    )
    versions = [row for row in rows.select_related("model") if (row.model.name, row.version) in requested]
    versions.sort(key=lambda row: (row.model.name, row.version))
    ids = [row.pk for row in versions]
    aliases: dict[int, list[str]] = defaultdict(list)
    for owner, name in Alias.objects.filter(version__in=ids).order_by("name").values_list("version_id", "name"):
        aliases[owner].append(name)
    deployments: dict[int, list[Deployment]] = defaultdict(list)
    for row in (
        Deployment.objects.filter(version__in=ids, ended_at__isnull=True).select_related("endpoint").order_by("pk")
    ):
        deployments[row.version_id].append(row)
    approvals: dict[int, list[TransitionRequest]] = defaultdict(list)
    states = Q(state__in=[*LIVE_STATES, RequestState.APPLIED])
    for request in TransitionRequest.objects.filter(states, version__in=ids).order_by("pk"):
        approvals[request.version_id].append(request)
    return [
        AffectedVersion(row, tuple(aliases[row.pk]), tuple(deployments[row.pk]), tuple(approvals[row.pk]))
        for row in versions
    ]
