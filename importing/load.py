"""One import, from the first experiment to the last alias. Each thing commits by itself with a note that it has come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import DataError, transaction

from core.actors import Actor
from core.errors import AlreadyExists, DomainError
from importing.files import FileCarrier
from importing.ledger import Ledger
from importing.mapping import fitting_experiment, fitting_logged_model, fitting_points, fitting_run
from importing.models import ItemKind
from importing.progress import Progress
from importing.report import Report
from importing.sources.base import FoundExperiment, FoundLoggedModel, FoundRun, Links, Owner, Source
from tracking.limits import Point
from tracking.models import Experiment, LoggedModel, Run, RunStatus
from tracking.services.imports.experiments import import_experiment
from tracking.services.imports.logged_models import import_logged_model
from tracking.services.imports.runs import import_points, import_run, import_run_models

_BATCH = 5000
_RUNS = 100
# What may be wrong with one thing without the others being concerned.
REFUSALS = (DomainError, DataError)


@dataclass(frozen=True, slots=True)
class Bringing:
    """What every part of an import needs."""

    actor: Actor
    source: Source
    ledger: Ledger
    report: Report
    progress: Progress


class TrackingImport:
    """Experiments with their runs, logged models, metric histories and files.

    Runs come before the logged models they made, and those before the metrics that name them; so runs are gone through
    twice.
    """

    def __init__(self, bringing: Bringing, files: FileCarrier) -> None:
        self._to = bringing
        self._files = files

    def run(self) -> None:
        """Bring everything that has not come yet."""
        for found in self._to.source.experiments():
            experiment = self._experiment(found)
            self._to.progress.step(f"experiment {found.old.name}")
            if experiment is None:
                continue
            for part in _parts(self._to.source.runs(found.id)):
                with transaction.atomic():
                    for run in part:
                        self._run(run, experiment)
                        self._to.progress.step(f"runs of {found.old.name}")
            for model in self._to.source.logged_models(found.id):
                self._logged_model(model, experiment)
                self._to.progress.step(f"logged models of {found.old.name}")
            for run in self._to.source.runs(found.id):
                self._content(run)
                self._to.progress.step(f"metrics and files of {found.old.name}")

    def _experiment(self, found: FoundExperiment) -> Experiment | None:
        ledger, report = self._to.ledger, self._to.report
        if known := ledger.target(ItemKind.EXPERIMENT, found.id):
            report.here["experiments"] += 1
            return Experiment.objects.get(pk=int(known))
        old = fitting_experiment(found.old, report)
        same = Experiment.objects.filter(name=old.name).first()
        if same is not None and same.lifecycle_stage != old.lifecycle:
            why = f"an experiment of that name is here and is {same.lifecycle_stage}: rename or restore one of the two"
            report.trouble("experiments", old.name, why)
            return None
        try:
            with ledger.bringing(ItemKind.EXPERIMENT, found.id) as said:
                experiment = same or import_experiment(actor=self._to.actor, old=old, origin=self._to.source.origin)
                said.append(str(experiment.pk))
        except REFUSALS as error:
            report.trouble("experiments", old.name, str(error))
            return None
        if same is not None and old.name != "Default":
            report.trouble(
                "experiments", old.name, "there is one of that name: its runs were added to that, its tags left out"
            )
        report.came["experiments"] += 1
        return experiment

    def _run(self, found: FoundRun, experiment: Experiment) -> None:
        run_id, report = found.old.id, self._to.report
        if self._to.ledger.target(ItemKind.RUN, run_id):
            report.here["runs"] += 1
            return
        old = fitting_run(found.old, report)
        try:
            with self._to.ledger.bringing(ItemKind.RUN, run_id) as said:
                run = import_run(actor=self._to.actor, experiment=experiment, old=old, origin=self._to.source.origin)
                said.append(run.pk)
        except AlreadyExists:
            report.trouble("runs", run_id, "there is a run of that id, which did not come from this source")
            return
        except (*REFUSALS, ValueError) as error:
            report.trouble("runs", run_id, str(error))
            return
        report.came["runs"] += 1
        if old.status == RunStatus.RUNNING:
            report.trouble("runs", run_id, "was still running: what it logs from now on does not come")

    def _logged_model(self, found: FoundLoggedModel, experiment: Experiment) -> None:
        model_id, report = found.old.id, self._to.report
        if self._to.ledger.target(ItemKind.LOGGED_MODEL, model_id):
            report.here["logged models"] += 1
        elif not self._new_logged_model(found, experiment):
            return
        self._files.bring(Owner("logged_model", model_id, found.artifact_uri), LoggedModel.objects.get(pk=model_id))

    def _new_logged_model(self, found: FoundLoggedModel, experiment: Experiment) -> bool:
        old = fitting_logged_model(found.old, self._to.report)
        actor, origin = self._to.actor, self._to.source.origin
        values = 0
        try:
            with self._to.ledger.bringing(ItemKind.LOGGED_MODEL, old.id) as said:
                model = import_logged_model(actor=actor, experiment=experiment, old=old, origin=origin)
                for run_id, points in found.points.items():
                    if self._to.ledger.target(ItemKind.RUN, run_id):
                        kept = fitting_points(points, run_id, self._to.report)
                        values += import_points(actor=actor, run_id=run_id, points=kept, origin=origin)
                said.append(model.pk)
        except (*REFUSALS, ValueError) as error:
            self._to.report.trouble("logged models", old.id, str(error))
            return False
        self._to.report.came["logged models"] += 1
        self._to.report.came["metric values"] += values
        return True

    def _content(self, found: FoundRun) -> None:
        run_id = found.old.id
        if not self._to.ledger.target(ItemKind.RUN, run_id):
            return
        if not self._to.ledger.target(ItemKind.HISTORY, run_id):
            self._history(found)
        self._files.bring(Owner("run", run_id, found.artifact_uri), Run.objects.get(pk=run_id))

    def _history(self, found: FoundRun) -> None:
        """Bring the metrics in batches of their own: the same batch again changes nothing. The last one completes the run."""
        run_id = found.old.id
        points = iter(self._to.source.history(found))
        batch = list(islice(points, _BATCH))
        while following := list(islice(points, _BATCH)):
            self._points(run_id, batch)
            batch = following
        links = self._to.source.links(run_id)
        with self._to.ledger.bringing(ItemKind.HISTORY, run_id) as said:
            self._points(run_id, batch)
            self._link(run_id, links)
            said.append(run_id)

    def _points(self, run_id: str, points: list[Point]) -> None:
        kept = fitting_points(points, run_id, self._to.report)
        self._to.report.came["metric values"] += import_points(
            actor=self._to.actor, run_id=run_id, points=kept, origin=self._to.source.origin
        )

    def _link(self, run_id: str, links: Links) -> None:
        named = {*links.inputs, *links.outputs}
        known = set(LoggedModel.objects.filter(pk__in=named).values_list("pk", flat=True))
        for model_id in sorted(named - known):
            self._to.report.trouble(
                "models that runs read or made", f"{run_id} {model_id}", "the logged model did not come"
            )
        import_run_models(
            actor=self._to.actor,
            run_id=run_id,
            inputs=[model_id for model_id in links.inputs if model_id in known],
            outputs={model_id: step for model_id, step in links.outputs.items() if model_id in known},
            origin=self._to.source.origin,
        )


def _parts(runs: Iterator[FoundRun]) -> Iterator[list[FoundRun]]:
    """Yield runs by the hundred: one commit for each run would be most of the time."""
    while part := list(islice(runs, _RUNS)):
        yield part
