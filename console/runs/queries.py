"""The list of experiments, one experiment by its id, and the runs that a person may see."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from core.actors import Actor
from core.errors import NotFound
from core.ids import MAX_ROW_ID
from tracking.models import Experiment, Lifecycle, Run
from tracking.permissions.levels import visible_experiments
from tracking.permissions.runs import readable_runs


def experiment_rows(actor: Actor, text: str = "") -> QuerySet[Experiment]:
    """Return the experiments this person may see that are not deleted, with the number of their runs."""
    runs = (
        Run.objects.filter(experiment=OuterRef("pk"), lifecycle_stage=Lifecycle.ACTIVE)
        .order_by().values("experiment").annotate(count=Count("pk")).values("count")
    )  # fmt: skip
    rows = visible_experiments(actor).filter(lifecycle_stage=Lifecycle.ACTIVE)
    rows = rows.annotate(run_count=Coalesce(Subquery(runs), 0))
    return (rows.filter(name__icontains=text) if text else rows).order_by("-updated_ms", "pk")


def visible_run_ids(actor: Actor, run_ids: Sequence[str]) -> frozenset[str]:
    """Return those of the runs that this person may see, by id; a fixed number of queries."""
    return frozenset(run.pk for run in readable_runs(actor, Run.objects.filter(pk__in=run_ids)))


def find_experiment(actor: Actor, experiment_id: int) -> Experiment:
    """Return an experiment that this person may see. Raises NotFound."""
    experiment = visible_experiments(actor).filter(pk=experiment_id).first() if experiment_id <= MAX_ROW_ID else None
    if experiment is None:
        raise NotFound(f"There is no experiment {experiment_id}.")
    return experiment
