"""`manage.py backup`: writes a backup of the installation into a folder, or verifies one."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError

from config.backup.create import Options, make_backup
from config.backup.files import BackupProblem
from config.backup.folder import BackupFolder
from config.backup.last import note_backup
from config.backup.verification import verify_backup
from core.commands import InstallationCommand


class Command(InstallationCommand):
    """`manage.py backup`: see `--help`."""

    help = (
        "Back up the database, the artifacts, the keys and the files of the audit log into a folder, while the installation "
        "works. A folder holds any number of backups, which share their artifacts."
    )

    def needs_database(self, options: dict[str, Any]) -> bool:
        """Return whether a backup is made: verifying one needs no database."""
        return not options["check"]

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of backups; made where it is missing")
        parser.add_argument("--check", action="store_true", help="make none; read the newest backup and verify it")
        parser.add_argument("--backup", default="", metavar="NAME", help="with --check: another backup than the newest")
        parser.add_argument(
            "--keep", type=int, default=0, metavar="N", help="delete all but the N newest backups afterwards"
        )
        parser.add_argument(
            "--without-keys", action="store_true", help="leave out the keys: copy them elsewhere yourself"
        )
        parser.add_argument(
            "--quick",
            action="store_true",
            help="compare only the sizes of artifacts that an earlier backup has verified",
        )
        parser.add_argument(
            "--allow-missing", action="store_true", help="complete the backup although the store has lost artifacts"
        )

    def handle(self, *, folder: Path, check: bool, backup: str, **options: Any) -> None:
        """Make or verify a backup. Raises CommandError where that is not possible."""
        if options["keep"] < 0:
            raise CommandError("--keep must be at least 1; leave it out to keep all backups.")
        try:
            if check:
                backups = BackupFolder(folder)
                chosen = backups.select(backup)
                verify_backup(backups, chosen)
                self.stdout.write(f"The backup {chosen} is whole.")
                return
            chosen_options = Options(
                quick=options["quick"],
                with_keys=not options["without_keys"],
                allow_missing=options["allow_missing"],
                keep=options["keep"],
            )
            complete = make_backup(folder, chosen_options, self.stdout.write)
            note_backup(complete)
        except BackupProblem as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{folder} cannot be used: {error}") from error
        self.stdout.write(f"The backup {complete} is complete and verified.")
