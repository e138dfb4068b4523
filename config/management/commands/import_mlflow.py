"""Bring over what an MLflow server holds, from its REST API or from its database. docs/migrating.md tells how."""

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
from importing.files import FileCarrier
from importing.ledger import Ledger
from importing.load import Bringing, TrackingImport
from importing.load_registry import RegistryImport
from importing.progress import Progress
from importing.report import Report
from importing.sources.base import Counts, Files, Source, SourceError, Unreachable
from importing.sources.http import Refused
from importing.sources.opening import open_source
from importing.sources.tables import DEFAULT_WORKSPACE

_BREAKS = (SourceError, Refused, Unreachable, DatabaseError, DomainError, OSError)


class Command(InstallationCommand):
    """`manage.py import_mlflow URL_OR_DB_URI`: see `--help`."""

    help = (
        "Bring experiments, runs, metrics, models, versions, aliases and artifacts over from an MLflow server. Run it again"
        " after it broke off, and it continues; what has come is left alone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("source", help="http://host:port, sqlite:////path/mlflow.db or postgresql://user@host/name")
        parser.add_argument("--as", dest="username", metavar="USER", help="who imports; manages the models that come")
        parser.add_argument(
            "--keep-stages", action="store_true", help="versions keep their stages without approval; --as a superuser"
        )
        parser.add_argument(
            "--artifacts-from", action="append", type=Path, default=[], metavar="DIR", help="read files from here"
        )
        parser.add_argument("--allow-missing-files", action="store_true", help="versions come without their files, too")
        parser.add_argument("--workspace", default=DEFAULT_WORKSPACE, help="of a database (default: default)")
        parser.add_argument("--dry-run", action="store_true", help="count, and change nothing")
        parser.add_argument("--report", type=Path, metavar="FILE", help="write the report as JSON, too")

    def handle(self, **options: Any) -> None:
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
                self._read(source, files, actor, options)
        except (SourceError, Refused) as error:
            raise CommandError(f"Nothing was changed. {error}") from error

    def _read(self, source: Source, files: Files, actor: Actor, options: dict[str, Any]) -> None:
        source.check()
        counts = source.counts()
        self.report.left_behind = dict(source.left_behind())
        self._say(f"{source.origin} holds {_words(counts)}.")
        if options["dry_run"]:
            self._tell(options["report"], "Nothing was changed.")
        else:
            self._locked(source, files, actor, counts, options)

    def _locked(self, source: Source, files: Files, actor: Actor, counts: Counts, options: dict[str, Any]) -> None:
        lock = DataLock(settings.DATA_DIR / "import.lock")
        try:
            lock.acquire()
        except DataInUse as error:
            raise CommandError(f"Another import runs (process {error}).") from error
        progress = Progress(sys.stderr, _steps(counts))
        try:
            self._bring(Bringing(actor, source, Ledger(source.origin), self.report, progress), files, options)
        except _BREAKS as error:
            progress.close()
            self._tell(options["report"], "The import broke off. Run it again, and it continues.")
            raise CommandError(str(error)) from error
        finally:
            progress.close()
            lock.release()
        self._tell(options["report"], "The import is complete." if not self.report.troubles else "The import is done.")

    def _bring(self, bringing: Bringing, files: Files, options: dict[str, Any]) -> None:
        carrier = FileCarrier(actor=bringing.actor, files=files, ledger=bringing.ledger, report=bringing.report)
        TrackingImport(bringing, carrier).run()
        RegistryImport(
            bringing, carrier, keep_stages=options["keep_stages"], allow_missing=options["allow_missing_files"]
        ).run()
        bringing.ledger.finish()

    def _tell(self, path: Path | None, outcome: str) -> None:
        for line in self.report.lines():
            self._say(line)
        self._say(outcome)
        if path is not None:
            path.write_text(json.dumps(self.report.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _actor(username: str | None, *, keep_stages: bool) -> Actor:
    if username is None:
        if keep_stages:
            raise CommandError("--keep-stages needs --as SUPERUSER: it must be known who answers for them.")
        return system_actor("command:import_mlflow")
    user = User.objects.filter(username=username, is_active=True, is_service=False).first()
    if user is None:
        raise CommandError(f"There is no active user called {username}.")
    if keep_stages and not user.is_superuser:
        raise CommandError(f"--keep-stages: {username} is no superuser.")
    return Actor(
        kind=ActorKind.USER, name=user.username, user_id=user.pk, auth="command", is_superuser=user.is_superuser
    )


def _words(counts: Counts) -> str:
    return (
        f"{counts.experiments} experiments, {counts.runs} runs, {counts.logged_models} logged models, "
        f"{counts.models} registered models with {counts.versions} versions"
    )


def _steps(counts: Counts) -> int:
    return counts.experiments + 2 * counts.runs + counts.logged_models + counts.models + counts.versions
