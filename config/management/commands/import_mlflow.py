"""`manage.py import_mlflow`: imports from an MLflow server, through its REST API or its database
(docs/migrating.md).
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db import DatabaseError

from accounts.models import User
from config.supervisor.lock import DataInUse, DataLock
from core.actors import Actor, ActorKind, system_actor
from core.commands import InstallationCommand
from core.errors import DomainError
from importing.file_importer import FileImporter
from importing.ledger import Ledger
from importing.load import ImportContext, TrackingImport
from importing.load_registry import RegistryImport
from importing.load_traces import TraceImport
from importing.progress import Progress
from importing.report import Report
from importing.sources.base import Counts, Files, FilesUnreachable, Source, SourceError
from importing.sources.http import ServerError
from importing.sources.opening import open_source
from importing.sources.tables import DEFAULT_WORKSPACE

_FAILURES = (SourceError, ServerError, FilesUnreachable, DatabaseError, DomainError, OSError)


class Command(InstallationCommand):
    """`manage.py import_mlflow URL_OR_DB_URI`: see `--help`."""

    help = (
        "Import experiments, runs, metrics, models, versions, aliases and artifacts from an MLflow server. After a failure run"
        " it again: it continues, and changes nothing that was imported."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("source", help="http://host:port, sqlite:////path/mlflow.db or postgresql://user@host/name")
        parser.add_argument(
            "--as", dest="username", metavar="USER", help="the user who imports, and manages the imported models"
        )
        parser.add_argument(
            "--keep-stages",
            action="store_true",
            help="versions keep their stages without approval (needs --as SUPERUSER)",
        )
        parser.add_argument(
            "--artifacts-from", action="append", type=Path, default=[], metavar="DIR", help="read files from here"
        )
        parser.add_argument(
            "--allow-missing-files", action="store_true", help="import versions without their files as well"
        )
        parser.add_argument(
            "--workspace", default=DEFAULT_WORKSPACE, help="the workspace of a database (default: default)"
        )
        parser.add_argument("--dry-run", action="store_true", help="count the items, and change nothing")
        parser.add_argument("--report", type=Path, metavar="FILE", help="also write the report to this file, as JSON")

    def handle(self, **options: Any) -> None:
        """Import, or count with --dry-run. Raises CommandError where the source or an item stops the import."""
        actor = _actor(options["username"], keep_stages=options["keep_stages"])
        self.report = Report()
        try:
            source, files = open_source(
                options["source"],
                workspace=options["workspace"],
                folders=options["artifacts_from"],
                environment=os.environ,
            )
            with closing(source):
                self._count_and_import(source, files, actor, options)
        except (SourceError, ServerError) as error:
            raise CommandError(f"Nothing was changed. {error}") from error

    def _count_and_import(self, source: Source, files: Files, actor: Actor, options: dict[str, Any]) -> None:
        source.check()
        counts = source.counts()
        self.report.unsupported = dict(source.unsupported())
        self._write_line(f"{source.origin} has {_counted(counts)}.")
        if options["dry_run"]:
            self._report(options["report"], "Nothing was changed.")
        else:
            self._import_locked(source, files, actor, counts, options)

    def _import_locked(
        self, source: Source, files: Files, actor: Actor, counts: Counts, options: dict[str, Any]
    ) -> None:
        lock = DataLock(settings.DATA_DIR / "import.lock")
        try:
            lock.acquire()
        except DataInUse as error:
            raise CommandError(f"Another import is running (process {error}).") from error
        progress = Progress(sys.stderr, _steps(counts))
        try:
            self._import(ImportContext(actor, source, Ledger(source.origin), self.report, progress), files, options)
        except _FAILURES as error:
            progress.close()
            self._report(options["report"], "The import did not complete. Run it again: it continues.")
            raise CommandError(str(error)) from error
        finally:
            progress.close()
            lock.release()
        self._report(
            options["report"],
            "The import is complete."
            if not self.report.problem_count
            else "The import is complete, except for the items above.",
        )

    def _import(self, context: ImportContext, files: Files, options: dict[str, Any]) -> None:
        importer = FileImporter(actor=context.actor, files=files, ledger=context.ledger, report=context.report)
        TrackingImport(context, importer).run()
        TraceImport(context, files).run()
        RegistryImport(
            context, importer, keep_stages=options["keep_stages"], allow_missing=options["allow_missing_files"]
        ).run()
        context.ledger.finish()

    def _report(self, path: Path | None, outcome: str) -> None:
        for line in self.report.lines():
            self._write_line(line)
        self._write_line(outcome)
        if path is not None:
            path.write_text(json.dumps(self.report.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _write_line(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _actor(username: str | None, *, keep_stages: bool) -> Actor:
    if username is None:
        if keep_stages:
            raise CommandError("--keep-stages needs --as SUPERUSER, who is responsible for the stages.")
        return system_actor("command:import_mlflow")
    user = User.objects.filter(username=username, is_active=True, is_service=False).first()
    if user is None:
        raise CommandError(f"There is no active user called {username}.")
    if keep_stages and not user.is_superuser:
        raise CommandError(f"--keep-stages: {username} is not a superuser.")
    return Actor(
        kind=ActorKind.USER, name=user.username, user_id=user.pk, auth="command", is_superuser=user.is_superuser
    )


def _counted(counts: Counts) -> str:
    return (
        f"{counts.experiments} experiments, {counts.runs} runs, {counts.logged_models} logged models, "
        f"{counts.traces} traces, {counts.models} registered models with {counts.versions} versions"
    )


def _steps(counts: Counts) -> int:
    return counts.experiments + 2 * counts.runs + counts.logged_models + counts.traces + counts.models + counts.versions
