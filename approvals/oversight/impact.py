"""Impact of data: the model versions that descend from it, with their owners, live deployments and approvals.

The result is complete: the whole graph below the data is walked. Versions are read in chunks, so that a hundred
thousand of them can be streamed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from approvals.models.requests import LIVE_STATES, RequestState, TransitionRequest
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.ids import row_id
from core.refs import version_ref
from lineage.graph.reads import read_of_kinds
from lineage.models import Node, NodeKind
from lineage.queries import anchors_of, find_visible
from lineage.visibility import hidden_nodes, known_nodes
from registry.models import Alias, Deployment, ModelVersion
from registry.permissions import visible_versions
from registry.stages import Stage

MAX_NODES = 2_000_000
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class AffectedVersion:
    """A version that descends from the data.

    ``deployments`` are the live ones. ``approvals`` are its transition requests that are open, approved or applied.
    """

    version: ModelVersion
    aliases: tuple[str, ...]
    deployments: tuple[Deployment, ...]
    approvals: tuple[TransitionRequest, ...]

    @property
    def is_live(self) -> bool:
        """Return whether this version is in use: in Production, under an alias, or deployed."""
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
    """The impact of the nodes ``starts``, as far as the actor may see it.

    ``total`` is the number of descendants, ``runs`` the number of runs among them. ``version_keys`` are the names and
    numbers of the affected versions, whose rows are read later. ``truncated``: there were more than MAX_NODES nodes.
    """

    starts: tuple[Node, ...]
    total: int
    runs: int
    version_keys: tuple[tuple[str, int], ...]
    truncated: bool

    def versions(self, actor: Actor) -> Iterator[AffectedVersion]:
        """Yield the affected versions that the actor may see, sorted by model and number.

        A fixed number of queries for every 500 versions.
        """
        for start in range(0, len(self.version_keys), _CHUNK):
            yield from _affected(actor, self.version_keys[start : start + _CHUNK])

    def part(self, actor: Actor, keys: Sequence[tuple[str, int]]) -> list[AffectedVersion]:
        """Return the affected versions with these keys of `version_keys`."""
        return list(_affected(actor, keys))


def dataset_versions(actor: Actor, name_urn: str, versions: Sequence[str]) -> tuple[Node, ...]:
    """Return the nodes of these versions of a dataset; without versions, the dataset and all that the actor may see.

    Raises NotFound (the dataset, a version), InvalidInput (the URN is not that of a dataset).
    """
    dataset = find_visible(actor, name_urn)
    if dataset.kind != NodeKind.DATASET:
        raise InvalidInput(f"{name_urn[:200]!r} is not a dataset.")
    members = Node.objects.filter(container=dataset, alias_of__isnull=True).order_by("-id")
    if not versions:
        return (dataset, *known_nodes(actor, members))
    by_version = {node.version: node for node in known_nodes(actor, members.filter(version__in=versions))}
    if missing := [version for version in versions if version not in by_version]:
        raise NotFound(f"{dataset.name} has no version {missing[0][:100]!r}.")
    return tuple(by_version[version] for version in dict.fromkeys(versions))


def impact_of(actor: Actor, nodes: Sequence[Node]) -> Impact:
    """Return the impact of nodes: their descendants that the actor may see. At most MAX_NODES nodes are read."""
    starts = list(dict.fromkeys(pk for node in nodes for pk in (*anchors_of(node, "down"), node.pk)))
    descendants, visited = read_of_kinds(starts, "down", frozenset(NodeKind), limit=MAX_NODES)
    hidden = hidden_nodes(actor, descendants)
    visible = [row for row in descendants if row.id not in hidden]
    keys = {
        (row.name, number) for row in visible if row.kind == NodeKind.MODEL_VERSION and (number := row_id(row.version))
    }
    return Impact(
        starts=tuple(nodes),
        total=len(visible),
        runs=sum(row.kind == NodeKind.RUN for row in visible),
        version_keys=tuple(sorted(keys)),
        truncated=visited > MAX_NODES,
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
    for version_id, name in Alias.objects.filter(version__in=ids).order_by("name").values_list("version_id", "name"):
        aliases[version_id].append(name)
    deployments: dict[int, list[Deployment]] = defaultdict(list)
    live = Deployment.objects.filter(version__in=ids, ended_at__isnull=True)
    for deployment in live.select_related("endpoint").order_by("pk"):
        deployments[deployment.version_id].append(deployment)
    approvals: dict[int, list[TransitionRequest]] = defaultdict(list)
    states = Q(state__in=[*LIVE_STATES, RequestState.APPLIED])
    for request in TransitionRequest.objects.filter(states, version__in=ids).order_by("pk"):
        approvals[request.version_id].append(request)
    return [
        AffectedVersion(row, tuple(aliases[row.pk]), tuple(deployments[row.pk]), tuple(approvals[row.pk]))
        for row in versions
    ]
