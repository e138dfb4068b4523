"""`manage.py restore`: restores a backup into the data directory and the database that the settings name."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from audit.transparency.state import STATE_FILE
from config.backup.files import BackupProblem
from config.backup.folder import BackupFolder
from config.backup.manifest import Manifest
from config.backup.restore import restore_backup


class Command(BaseCommand):
    """`manage.py restore`: see `--help`."""

    help = "Restore a backup that `manage.py backup` made. The target must be empty, and nothing may run on it."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of backups")
        parser.add_argument("--backup", default="", metavar="NAME", help="another backup than the newest")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="replace a database that exists (SQLite's file is kept under another name, PostgreSQL's tables are dropped)",
        )

    def handle(self, *, folder: Path, backup: str, replace: bool, **_options: object) -> None:
        """Restore a backup. Raises CommandError where that is not possible."""
        backups = BackupFolder(folder)
        try:
            chosen = backups.select(backup)
            manifest = restore_backup(backups, chosen, replace=replace, write_line=self.stdout.write)
        except BackupProblem as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"The backup cannot be restored: {error}") from error
        self.stdout.write(f"The backup {chosen.name} of Custody {manifest.version} is restored.")
        for line in next_steps(manifest):
            self.stdout.write(line)


def next_steps(manifest: Manifest) -> list[str]:
    """Return the next steps of a person after a restore, a line for each."""
    steps = []
    if manifest.keys_elsewhere:
        steps.append(f"Provide the keys that the backup does not hold: {', '.join(manifest.keys_elsewhere)}.")
    if manifest.missing:
        steps.append(
            f"{len(manifest.missing)} artifacts were lost before the backup; {manifest.missing[0]} is one of them."
        )
    if manifest.version != settings.VERSION:
        steps.append("Run `manage.py migrate`: the backup is of another version.")
    if (Path(settings.LOG_STATE) / STATE_FILE).exists():
        steps.append(
            "The last signed checkpoint in CUSTODY_LOG_STATE has survived. If events were signed after the backup, the audit log "
            "stays stopped."
        )
    else:
        steps.append("The audit log is stopped until two superusers decide how it continues.")
    steps.append("See docs/operations.md, Restore.")
    return steps
