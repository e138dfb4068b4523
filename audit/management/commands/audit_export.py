"""`manage.py audit_export FILE`: writes an export of the audit log to a file."""

from __future__ import annotations

import os
import shutil
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import CommandError

from audit.exports.claims import claim_of
from audit.exports.files import file_of
from audit.exports.jobs import build_export, export_job, start_export
from audit.exports.selection import Filters
from audit.models import ExportJob, ExportState
from audit.serializers import ExportQuery
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError

_FILTERS = (
    "model",
    "version",
    "object",
    "actor",
    "action",
    "outcome",
    "request",
    "since",
    "until",
    "first_seq",
    "last_seq",
)
_OPEN = (ExportState.QUEUED, ExportState.RUNNING)
_WAIT_SECONDS = 1.0


class Command(InstallationCommand):
    """`manage.py audit_export FILE`: see `--help`."""

    help = (
        "Write an export of the audit log: the whole log, or the events that match the filters. Its manifest says what it "
        "proves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("file", type=Path, help="the zip file to write; it must not exist")
        parser.add_argument("--resume", type=UUID, metavar="ID", help="continue an export that was interrupted")
        parser.add_argument(
            "--without-identities", action="store_true", help="leave out the annex that says who the actors are"
        )
        parser.add_argument("--parquet", action="store_true", help="also write the table in Parquet (needs pyarrow)")
        for name in _FILTERS:
            flag = (
                "--model-version" if name == "version" else f"--{name.replace('_', '-')}"
            )  # --version is Django's own
            parser.add_argument(
                flag, dest=f"filter_{name}", default="", help=f"as the parameter {name} of GET /api/v1/audit/export"
            )

    def handle(
        self, *, file: Path, resume: UUID | None, without_identities: bool, parquet: bool, **options: Any
    ) -> None:
        """Write the file. Raises CommandError where that is refused; the file is then not there."""
        filters = _filters(options)
        if resume and (filters.as_dict() or without_identities or parquet):
            raise CommandError("An export that is continued keeps its filters: give none with --resume.")
        if file.exists() or not file.parent.is_dir():
            raise CommandError(f"{file} exists already, or its folder does not exist.")
        actor = system_actor("command:audit_export")
        try:
            job = (
                export_job(actor, resume)
                if resume
                else start_export(
                    actor=actor, filters=filters, queued=False, identities=not without_identities, parquet=parquet
                )
            )
            self.stderr.write(f"Export {job.pk}. If it is interrupted, continue it with --resume {job.pk}")
            self._finish(job)
            _save(file_of(job), file)
        except DomainError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror or error}") from error
        claim = claim_of(job.filters)
        self.stdout.write(f"{job.done} events ({claim['kind']}): {claim['says']}.")

    def _finish(self, job: ExportJob) -> None:
        """Make the export in this process, or wait for the worker that does."""
        while job.state in _OPEN and not build_export(job.pk, progress=self._progress):
            time.sleep(_WAIT_SECONDS)
            job.refresh_from_db()
            self._progress(job.done)
        job.refresh_from_db()

    def _progress(self, done: int) -> None:
        self.stderr.write(f"{done:,} events …")


def _filters(options: dict[str, Any]) -> Filters:
    chosen = {name: options[f"filter_{name}"] for name in _FILTERS}
    query = ExportQuery(data={name: value for name, value in chosen.items() if value})
    if not query.is_valid():
        raise CommandError("; ".join(f"--{name}: {' '.join(map(str, why))}" for name, why in query.errors.items()))
    values = query.validated_data
    return Filters(**{name: values[name] for name in _FILTERS})


def _save(source: Path, file: Path) -> None:
    """Copy a file as a whole or not at all. An existing file is not replaced."""
    draft = file.with_name(f"{file.name}.part")
    try:
        shutil.copyfile(source, draft)
        os.link(draft, file)
    finally:
        draft.unlink(missing_ok=True)
