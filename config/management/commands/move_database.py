"""`manage.py move_database`: moves the data of a SQLite database into an empty PostgreSQL database."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dj_database_url
from django.conf import settings
from django.core.management import CommandError
from django.db import connection

from config.backup.files import BackupProblem
from config.backup.move import holds_data, move_rows
from config.backup.readers import libpq_parameters
from config.supervisor.lock import DataInUse, DataLock
from core.commands import InstallationCommand


class Command(InstallationCommand):
    """`manage.py move_database`: see `--help`."""

    help = (
        "Move the data of this installation from SQLite into an empty PostgreSQL database. Stop the installation first. The "
        "SQLite file is only read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option: the URL, by default from an environment variable, where no other user can read it."""
        parser.add_argument(
            "--to",
            default=os.environ.get("TARGET_DATABASE_URL", ""),
            metavar="URL",
            help="postgres://user:password@host:5432/name; default: the environment variable TARGET_DATABASE_URL",
        )

    def handle(self, *, to: str, **_options: object) -> None:
        """Migrate the target, copy every row, and compare both. Raises CommandError where that is not possible."""
        if connection.vendor != "sqlite":
            raise CommandError(
                "This installation is not on SQLite: unset DATABASE_URL, which names the database to move."
            )
        parameters = _parameters(to)
        lock = DataLock(settings.DATA_DIR / "lock")
        try:
            lock.acquire()
        except DataInUse as error:
            raise CommandError(f"{settings.DATA_DIR} is in use by `up` (process {error}). Stop it first.") from error
        try:
            if holds_data(parameters):
                raise CommandError("The database is not empty. Name one without tables.")
            _migrate(to)
            facts = move_rows(Path(str(connection.settings_dict["NAME"])), parameters, self.stdout.write)
        except BackupProblem as error:
            raise CommandError(str(error)) from error
        finally:
            lock.release()
        self.stdout.write(
            f"{sum(facts.rows.values())} rows are moved and compared, among them {facts.rows['audit_event']} events. Start with "
            "DATABASE_URL set to the new database. Keep the SQLite file until you have a backup of it."
        )


def _parameters(url: str) -> Mapping[str, Any]:
    """Return libpq's parameters of a URL. Raises CommandError for one that is not of PostgreSQL."""
    if not url.startswith(("postgres://", "postgresql://")):
        raise CommandError("Name the PostgreSQL database: --to postgres://user:password@host:5432/name.")
    parsed: dict[str, Any] = {"OPTIONS": {}, **dj_database_url.parse(url)}
    return libpq_parameters(parsed)


def _migrate(url: str) -> None:
    """Make the tables of the target. Raises CommandError with the message of `migrate`."""
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "migrate", "--verbosity", "0"]
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL_FILE"}
    done = subprocess.run(command, env=environment | {"DATABASE_URL": url}, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CommandError(f"The tables cannot be made: {done.stderr.strip()}")
