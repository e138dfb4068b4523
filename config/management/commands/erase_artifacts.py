"""`manage.py erase_artifacts`: erases the files of versions that were deleted."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management import CommandError
from django.template.defaultfilters import filesizeformat

from audit.management.commands.audit_new_log import confirmed
from config.management.commands.issue_token import duration
from core.commands import InstallationCommand
from core.errors import DomainError
from registry.services.erasing import erase_artifacts


class Command(InstallationCommand):
    """`manage.py erase_artifacts`: see `--help`."""

    help = (
        "Erase the files of versions that were deleted, where no live version uses them. Digests, seals and "
        "conformity packs stay. The bytes go with the next prune_artifacts."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="a superuser")
        parser.add_argument("--reason", required=True, help="why; kept in the events for good")
        parser.add_argument("--model", default="", help="only versions of the model of this name")
        parser.add_argument(
            "--deleted-for",
            type=duration,
            default=timedelta(days=30),
            help="only versions that were deleted at least this long ago: 2d, 90d (default 30d)",
        )
        parser.add_argument("--dry-run", action="store_true", help="print what would be erased, and erase nothing")

    def handle(
        self, *, name: str, reason: str, model: str, deleted_for: timedelta, dry_run: bool, **_options: object
    ) -> None:
        """Erase, or count with --dry-run. Raises CommandError where it is refused."""
        try:
            erased = erase_artifacts(
                actor=confirmed(name), reason=reason, deleted_for=deleted_for, model=model, dry_run=dry_run
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        size = filesizeformat(erased.size).replace("\xa0", " ")
        verb = "Would erase" if dry_run else "Erased"
        self.stdout.write(f"{verb} {erased.files} files of {size} in {erased.folders} folders.")
        if erased.files and not dry_run:
            self.stdout.write("The bytes go with the next prune_artifacts.")
