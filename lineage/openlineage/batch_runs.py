"""A run of a batch of OpenLineage events, and the dataset versions that runs of the batch use.

Names are computed once for each run and version: a batch asks for them thousands of times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lineage.identity.nodes import Spec, member_spec
from lineage.models import JobRun, Node
from lineage.openlineage.graph import Shape, Use, repository_of
from lineage.openlineage.merge import State


@dataclass
class BatchRun:
    """A run of the batch: its row before, and its state and shape with the new events."""

    run_id: str
    urn: str
    row: JobRun | None
    state: State
    shape: Shape
    job_id: int | None = None

    @cached_property
    def shape_digest(self) -> str:
        """Return the key that equal shapes share."""
        return self.shape.digest

    @cached_property
    def is_changed(self) -> bool:
        """Return whether the edges may differ from those before."""
        return self.row is None or self.row.shape != self.shape_digest

    @property
    def uses(self) -> tuple[Use, ...]:
        """Return the inputs and outputs of the run."""
        return (*self.shape.inputs, *self.shape.outputs)

    @property
    def job(self) -> tuple[str, str] | None:
        """Return the namespace and name of the job."""
        jobs = self.state["jobs"]
        return (jobs[0][0], jobs[0][1]) if jobs else None

    @cached_property
    def repository(self) -> Spec:
        """Return the repository of the commit."""
        return repository_of(self.shape, "/".join(self.job) if self.job else self.run_id)


@dataclass
class UsedVersions:
    """The datasets that runs use, by their keys, and the nodes of their versions, by URN."""

    datasets: Mapping[str, Node]
    nodes: dict[str, Node]
    _specs: dict[tuple[str, str], Spec] = field(default_factory=dict)

    def spec(self, use: Use) -> Spec:
        """Return the version that is used."""
        return self._spec(use.key, use.version)

    def urn(self, key: str, version: str) -> str:
        """Return the URN of a version of the dataset with a key."""
        return self._spec(key, version).urn

    def node(self, use: Use) -> Node:
        """Return the node of the version that is used."""
        return self.nodes[self.spec(use).urn]

    def _spec(self, key: str, version: str) -> Spec:
        spec = self._specs.get((key, version))
        if spec is None:
            spec = self._specs[key, version] = member_spec(self.datasets[key], version)
        return spec
