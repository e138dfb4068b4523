"""Delete the bytes of artifacts that nothing names any more."""

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
        "Delete bytes that no artifact and no sealed folder names, and what broken uploads left behind. "
        "The database in use must be the only one that keeps its artifacts there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument(
            "--grace", type=duration, default=timedelta(days=1), help="leave what is younger: 90m, 12h, 2d (default 1d)"
        )

    def handle(self, *, dry_run: bool, grace: timedelta, **_options: object) -> None:
        try:
            pruned = prune_artifacts(actor=system_actor("command:prune_artifacts"), grace=grace, dry_run=dry_run)
        except DomainError as error:
            raise CommandError(error.message) from error
        size = filesizeformat(pruned.size).replace("\xa0", " ")
        verb = "Would delete" if dry_run else "Deleted"
        self.stdout.write(f"{verb} {pruned.blobs} files of {size} and {pruned.drafts} remains of broken uploads.")
