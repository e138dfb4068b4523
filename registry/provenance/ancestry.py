"""The ancestry of a version for exports: the ancestors that the caller may see, and the edges among them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.actors import Actor
from core.errors import TooLarge
from core.refs import version_ref
from lineage.graph.closure import read_closure
from lineage.graph.reads import EdgeRow, NodeRow
from lineage.identity.names import digest_hex
from lineage.models import NodeKind
from lineage.queries import find_node
from lineage.visibility import hidden_nodes
from registry.models import ModelVersion

MOST_NODES = 10_000


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The id of a version's node, the nodes of the version and its ancestors by id, and the edges among them."""

    root: int
    nodes: dict[int, NodeRow]
    edges: list[EdgeRow]

    def of_kind(self, kinds: Iterable[NodeKind]) -> list[NodeRow]:
        """Return the nodes of these kinds, sorted by URN."""
        kind_set = set(kinds)
        return sorted((node for node in self.nodes.values() if node.kind in kind_set), key=lambda node: node.urn)

    def into(self, node_id: int) -> list[EdgeRow]:
        """Return the edges whose target is this node."""
        return [edge for edge in self.edges if edge.dst == node_id]


def ancestry_of(actor: Actor, version: ModelVersion) -> Ancestry:
    """Return the ancestry of a version.

    Raises NotFound. Raises TooLarge for more than MOST_NODES ancestors, because a partial provenance would mislead.
    """
    root = find_node(version_ref(version.model.name, version.version))
    read = read_closure([root.pk], "up", limit=MOST_NODES)
    if read.seen > MOST_NODES:
        raise TooLarge(f"The version has more than {MOST_NODES} ancestors. Read them from /api/v1/lineage by pages.")
    hidden = hidden_nodes(actor, read.nodes)
    nodes = {node.id: node for node in read.nodes if node.id not in hidden}
    return Ancestry(root.pk, nodes, [edge for edge in read.edges if edge.src in nodes and edge.dst in nodes])


_LENGTHS = {32: "md5", 40: "sha1", 64: "sha256", 128: "sha512"}


def digests_of(digest: str) -> dict[str, str]:
    """Return a digest by the name of its algorithm, {} for an unknown length, such as MLflow's 8 digits."""
    plain = digest_hex(digest)
    name = _LENGTHS.get(len(plain), "") if all(letter in "0123456789abcdef" for letter in plain) else ""
    return {name: plain} if name else {}
