"""The import of traces with their spans and assessments. It follows the import of runs, which traces can name."""

from __future__ import annotations

import posixpath
from dataclasses import replace

from django.db import transaction

from core.errors import DomainError
from importing.load import REFUSALS, ImportContext
from importing.models import ItemKind
from importing.sources.base import Files, FilesUnreachable, Owner, SourceTrace
from importing.sources.http import ServerError
from traces.files import SPANS_FILE
from traces.models import Trace
from traces.services.infos import record_info
from traces.services.spans import record_spans
from traces.span_files import read_spans
from tracking.models import Experiment

_LARGEST_FILE = 100_000_000


class TraceImport:
    """Imports the traces of imported experiments. Traces and spans that cannot be stored are reported."""

    def __init__(self, context: ImportContext, files: Files) -> None:
        self._context = context
        self._files = files

    def run(self) -> None:
        """Import every trace that was not imported before. Raises SourceError."""
        for source_experiment in self._context.source.experiments():
            target = self._context.ledger.target(ItemKind.EXPERIMENT, source_experiment.id)
            if not target:
                continue
            experiment = Experiment.objects.get(pk=int(target))
            for trace in self._context.source.traces(source_experiment.id):
                self._trace(trace, experiment)
                self._context.progress.step(f"traces of {source_experiment.old.name}")

    def _trace(self, source: SourceTrace, experiment: Experiment) -> None:
        trace_id, report = source.info.trace_id, self._context.report
        if self._context.ledger.target(ItemKind.TRACE, trace_id):
            report.existing["traces"] += 1
            return
        if Trace.objects.filter(pk=trace_id).exists():
            report.add_problem(
                "traces", trace_id, "a trace with that id exists here and was not imported from this source"
            )
            return
        try:
            with self._context.ledger.importing(ItemKind.TRACE, trace_id) as targets:
                info = replace(source.info, experiment_id=str(experiment.pk))
                trace = record_info(actor=self._context.actor, info=info)
                self._spans(source, trace)
                targets.append(trace.pk)
        except (*REFUSALS, ValueError) as error:
            report.add_problem("traces", trace_id, str(error)[:300])
            return
        report.imported["traces"] += 1
        report.imported["assessments"] += len(source.info.assessments)

    def _spans(self, source: SourceTrace, trace: Trace) -> None:
        """Store the spans of a trace. Where they cannot be read or stored, the trace stays without spans.

        Raises SourceError.
        """
        try:
            content = self._context.source.spans(trace.pk) or self._file(source)
            spans = read_spans(content, trace_id=trace.pk) if content else []
            with transaction.atomic():
                record_spans(actor=self._context.actor, experiment_id=str(trace.experiment_id), spans=spans)
        except (DomainError, ServerError, FilesUnreachable, OSError, ValueError) as error:
            self._context.report.add_problem("spans of traces", trace.pk, str(error)[:300])

    def _file(self, source: SourceTrace) -> bytes:
        """Return the content of the file of spans that older clients uploaded, b"" where there is none."""
        if not source.artifact_uri:
            return b""
        for file in self._files.of(Owner("trace", source.info.trace_id, source.artifact_uri)):
            if posixpath.basename(file.path) == SPANS_FILE:
                with file.open() as stream:
                    return stream.read(_LARGEST_FILE)
        return b""
