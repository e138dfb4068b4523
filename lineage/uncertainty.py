"""Warnings about nodes whose facts are uncertain."""

from __future__ import annotations

from collections.abc import Iterable

from lineage.graph.reads import NodeRow
from lineage.identity.names import UNKNOWN_REPOSITORY, UNVERSIONED
from lineage.models import NodeKind

_UNCERTAIN = frozenset({NodeKind.DATASET_VERSION.value, NodeKind.CODE_VERSION.value})


def warnings_of(nodes: Iterable[NodeRow]) -> list[str]:
    """Return the uncertain facts about nodes: no version, no repository, or several contents of one version."""
    warnings = []
    for node in nodes:
        if node.kind not in _UNCERTAIN:
            continue
        if node.kind == NodeKind.DATASET_VERSION and node.version == UNVERSIONED:
            warnings.append(f"{node.urn}: no version was given, so its contents may differ from run to run.")
        elif node.kind == NodeKind.CODE_VERSION and node.name.startswith(UNKNOWN_REPOSITORY):
            warnings.append(f"{node.urn}: no repository was given, so the commit counts within its experiment only.")
        elif node.kind == NodeKind.DATASET_VERSION and '"other_digests"' in node.attrs:
            warnings.append(f"{node.urn}: runs or documents give this version different contents.")
    return warnings
