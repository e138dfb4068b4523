"""Jobs that an actor may see: those with a run that they may see, and those that nobody has run."""

from __future__ import annotations

from collections.abc import Collection

from core.actors import Actor
from lineage.graph.reads import as_node
from lineage.models import JobRun
from lineage.visibility import hidden_nodes

_RUN_COLUMNS = ("node_id", "node__kind", "node__urn", "node__name", "node__version", "node__digest")


def visible_runs_of(actor: Actor, jobs: Collection[int]) -> dict[int, int | None]:
    """Return the newest run of each job that the actor may see, as the id of its JobRun; None where it has no run.

    A job all of whose runs are hidden is left out. Two queries, and those of the visibility of runs.
    """
    rows = list(JobRun.objects.filter(job__in=jobs).order_by("pk").values_list("pk", "job_id", *_RUN_COLUMNS))
    hidden = hidden_nodes(actor, [as_node((*row[2:], "{}")) for row in rows])
    newest: dict[int, int | None] = {job: pk for pk, job, node, *_ in rows if node not in hidden if job is not None}
    have_runs = {row[1] for row in rows}
    return newest | {job: None for job in jobs if job not in have_runs}
