"""`manage.py audit_harden`: makes and checks the PostgreSQL role of the application, which cannot change events."""

from __future__ import annotations

import os
from argparse import ArgumentParser

from django.core.management import CommandError
from django.db import transaction

from audit.hardening import CannotHarden, harden, weaknesses
from core.commands import InstallationCommand


class Command(InstallationCommand):
    """`manage.py audit_harden`: see `--help`."""

    help = "Give the application a database role that cannot change events. Run it as the owner of the tables, after migrate."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--role", help="the role for the application; made with the password in CUSTODY_ROLE_PASSWORD"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="only report how the role (by default the one in use) can change events",
        )

    def handle(self, *, role: str | None, check: bool, **_options: object) -> None:
        """Make the role, or check one. Raises CommandError where it could change events."""
        if check:
            if problems := list(weaknesses(role or "")):
                raise CommandError("\n".join(problems))
            self.stdout.write("The role cannot change events.")
            return
        if not role:
            raise CommandError("Name the role for the application with --role, or use --check.")
        try:
            with transaction.atomic():
                harden(role, password=os.environ.get("CUSTODY_ROLE_PASSWORD"))
        except CannotHarden as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{role} cannot change events. Put it into the DATABASE_URL of everything but migrate.")
