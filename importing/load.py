"""The first part of an import: experiments, runs, logged models, metrics and files.

Each item commits together with its ledger entry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from django.db import DataError, transaction

from core.actors import Actor
from core.errors import AlreadyExists, DomainError
from importing.file_importer import FileImporter
from importing.ledger import Ledger
from importing.mapping import storable_experiment, storable_logged_model, storable_points, storable_run
from importing.models import ItemKind
from importing.progress import Progress
from importing.report import Report
from importing.sources.base import Links, Owner, Source, SourceExperiment, SourceLoggedModel, SourceRun
from tracking.limits import Point
from tracking.models import Experiment, LoggedModel, Run, RunStatus
from tracking.services.imports.experiments import import_experiment
from tracking.services.imports.logged_models import import_logged_model
from tracking.services.imports.runs import import_points, import_run, import_run_models

_BATCH = 5000
_RUNS = 100
# Errors of one item that do not stop the import.
REFUSALS = (DomainError, DataError)


@dataclass(frozen=True, slots=True)
class ImportContext:
    """The objects that every part of an import uses."""

    actor: Actor
    source: Source
    ledger: Ledger
    report: Report
    progress: Progress


class TrackingImport:
    """Imports experiments with their runs, logged models, metric histories and files.

    A logged model names its run, and a metric can name a logged model. Therefore runs are imported first, then logged
    models, then metrics, and the runs of the source are read twice.
    """

    def __init__(self, context: ImportContext, files: FileImporter) -> None:
        self._context = context
        self._files = files

    def run(self) -> None:
        """Import everything that was not imported before. Raises SourceError."""
        for source_experiment in self._context.source.experiments():
            experiment = self._experiment(source_experiment)
            self._context.progress.step(f"experiment {source_experiment.old.name}")
            if experiment is None:
                continue
            for part in _parts(self._context.source.runs(source_experiment.id)):
                with transaction.atomic():
                    for run in part:
                        self._run(run, experiment)
                        self._context.progress.step(f"runs of {source_experiment.old.name}")
            for model in self._context.source.logged_models(source_experiment.id):
                self._logged_model(model, experiment)
                self._context.progress.step(f"logged models of {source_experiment.old.name}")
            for run in self._context.source.runs(source_experiment.id):
                self._content(run)
                self._context.progress.step(f"metrics and files of {source_experiment.old.name}")

    def _experiment(self, source: SourceExperiment) -> Experiment | None:
        ledger, report = self._context.ledger, self._context.report
        if imported_id := ledger.target(ItemKind.EXPERIMENT, source.id):
            report.existing["experiments"] += 1
            return Experiment.objects.get(pk=int(imported_id))
        old = storable_experiment(source.old, report)
        namesake = Experiment.objects.filter(name=old.name).first()
        if namesake is not None and namesake.lifecycle_stage != old.lifecycle:
            why = (
                f"an experiment of that name exists here and is {namesake.lifecycle_stage}: "
                "rename or restore one of the two"
            )
            report.add_problem("experiments", old.name, why)
            return None
        try:
            with ledger.importing(ItemKind.EXPERIMENT, source.id) as targets:
                experiment = namesake or import_experiment(
                    actor=self._context.actor, old=old, origin=self._context.source.origin
                )
                targets.append(str(experiment.pk))
        except REFUSALS as error:
            report.add_problem("experiments", old.name, str(error))
            return None
        if namesake is not None and old.name != "Default":
            report.add_problem(
                "experiments",
                old.name,
                "an experiment of that name exists here: the runs were added to it, the tags were not",
            )
        report.imported["experiments"] += 1
        return experiment

    def _run(self, source: SourceRun, experiment: Experiment) -> None:
        run_id, report = source.old.id, self._context.report
        if self._context.ledger.target(ItemKind.RUN, run_id):
            report.existing["runs"] += 1
            return
        old = storable_run(source.old, report)
        try:
            with self._context.ledger.importing(ItemKind.RUN, run_id) as targets:
                run = import_run(
                    actor=self._context.actor, experiment=experiment, old=old, origin=self._context.source.origin
                )
                targets.append(run.pk)
        except AlreadyExists:
            report.add_problem("runs", run_id, "a run with that id exists here and was not imported from this source")
            return
        except (*REFUSALS, ValueError) as error:
            report.add_problem("runs", run_id, str(error))
            return
        report.imported["runs"] += 1
        if old.status == RunStatus.RUNNING:
            report.add_problem("runs", run_id, "the run is still running: what it logs from now on is not imported")

    def _logged_model(self, source: SourceLoggedModel, experiment: Experiment) -> None:
        model_id, report = source.old.id, self._context.report
        if self._context.ledger.target(ItemKind.LOGGED_MODEL, model_id):
            report.existing["logged models"] += 1
        elif not self._new_logged_model(source, experiment):
            return
        self._files.import_files(
            Owner("logged_model", model_id, source.artifact_uri), LoggedModel.objects.get(pk=model_id)
        )

    def _new_logged_model(self, source: SourceLoggedModel, experiment: Experiment) -> bool:
        old = storable_logged_model(source.old, self._context.report)
        actor, origin = self._context.actor, self._context.source.origin
        values = 0
        try:
            with self._context.ledger.importing(ItemKind.LOGGED_MODEL, old.id) as targets:
                model = import_logged_model(actor=actor, experiment=experiment, old=old, origin=origin)
                for run_id, points in source.points.items():
                    if self._context.ledger.target(ItemKind.RUN, run_id):
                        storable = storable_points(points, run_id, self._context.report)
                        values += import_points(actor=actor, run_id=run_id, points=storable, origin=origin)
                targets.append(model.pk)
        except (*REFUSALS, ValueError) as error:
            self._context.report.add_problem("logged models", old.id, str(error))
            return False
        self._context.report.imported["logged models"] += 1
        self._context.report.imported["metric values"] += values
        return True

    def _content(self, source: SourceRun) -> None:
        run_id = source.old.id
        if not self._context.ledger.target(ItemKind.RUN, run_id):
            return
        if not self._context.ledger.target(ItemKind.HISTORY, run_id):
            self._history(source)
        self._files.import_files(Owner("run", run_id, source.artifact_uri), Run.objects.get(pk=run_id))

    def _history(self, source: SourceRun) -> None:
        """Import the metrics in batches. Importing a batch twice changes nothing. The last batch completes the run."""
        run_id = source.old.id
        points = iter(self._context.source.history(source))
        batch = list(islice(points, _BATCH))
        while following := list(islice(points, _BATCH)):
            self._points(run_id, batch)
            batch = following
        links = self._context.source.links(run_id)
        with self._context.ledger.importing(ItemKind.HISTORY, run_id) as targets:
            self._points(run_id, batch)
            self._link(run_id, links)
            targets.append(run_id)

    def _points(self, run_id: str, points: list[Point]) -> None:
        storable = storable_points(points, run_id, self._context.report)
        self._context.report.imported["metric values"] += import_points(
            actor=self._context.actor, run_id=run_id, points=storable, origin=self._context.source.origin
        )

    def _link(self, run_id: str, links: Links) -> None:
        model_ids = {*links.inputs, *links.outputs}
        existing = set(LoggedModel.objects.filter(pk__in=model_ids).values_list("pk", flat=True))
        for model_id in sorted(model_ids - existing):
            self._context.report.add_problem(
                "models that runs read or made", f"{run_id} {model_id}", "the logged model was not imported"
            )
        import_run_models(
            actor=self._context.actor,
            run_id=run_id,
            inputs=[model_id for model_id in links.inputs if model_id in existing],
            outputs={model_id: step for model_id, step in links.outputs.items() if model_id in existing},
            origin=self._context.source.origin,
        )


def _parts(runs: Iterator[SourceRun]) -> Iterator[list[SourceRun]]:
    """Yield runs in groups of a hundred that commit together, because a commit for each run would be slow."""
    while part := list(islice(runs, _RUNS)):
        yield part
