"""The runs of jobs in the order in which they began: a suggestion for a run may follow from the run before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from itertools import pairwise

from lineage.models import JobRun
from lineage.suggestions.versions import MOST_VERSIONS, event_times


def consecutive_runs(runs: Collection[int]) -> list[tuple[int, int]]:
    """Return each run with the next run of its job, for the jobs of these runs; at most the newest MOST_VERSIONS runs.

    A run began with its first event, whenever that was received.
    """
    jobs = set(JobRun.objects.filter(node__in=runs, job__isnull=False).values_list("job_id", flat=True)) if runs else ()
    if not jobs:
        return []
    columns = ("job_id", "node_id", "node__urn", "node__recorded_at")
    rows = list(JobRun.objects.filter(job__in=jobs).order_by("-node_id").values_list(*columns)[:MOST_VERSIONS])
    began = event_times([urn for _, _, urn, _ in rows], last=False)
    runs_of_job: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for job, node_id, urn, recorded_at in rows:
        runs_of_job[job or 0].append((began.get(urn, recorded_at), node_id))
    return [
        (earlier, later) for job_runs in runs_of_job.values() for (_, earlier), (_, later) in pairwise(sorted(job_runs))
    ]
