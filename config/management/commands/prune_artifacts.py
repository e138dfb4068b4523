"""`manage.py prune_artifacts`: deletes stored files that nothing refers to."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management import CommandError
from django.template.defaultfilters import filesizeformat

from config.management.commands.issue_token import duration
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError
from tracking.services.pruning import prune_artifacts


class Command(InstallationCommand):
    """`manage.py prune_artifacts`: see `--help`."""

    help = (
        "Delete stored files that no artifact and no sealed folder refers to, and the remains of failed uploads. "
        "No other database may use the same store."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--dry-run", action="store_true", help="print what would be deleted, and delete nothing")
        parser.add_argument(
            "--grace",
            type=duration,
            default=timedelta(days=1),
            help="keep files younger than this: 90m, 12h, 2d (default 1d)",
        )

    def handle(self, *, dry_run: bool, grace: timedelta, **_options: object) -> None:
        """Delete, or count with --dry-run. Raises CommandError where it is refused."""
        try:
            pruned = prune_artifacts(actor=system_actor("command:prune_artifacts"), grace=grace, dry_run=dry_run)
        except DomainError as error:
            raise CommandError(error.message) from error
        size = filesizeformat(pruned.size).replace("\xa0", " ")
        verb = "Would delete" if dry_run else "Deleted"
        self.stdout.write(f"{verb} {pruned.blobs} files of {size} and {pruned.drafts} remains of failed uploads.")
