"""`manage.py audit_rotate_key`: makes a new key for the audit log. The new and the old keys then sign checkpoints."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management import CommandError

from audit.management.commands.audit_new_log import confirmed
from audit.transparency.keys import NoLogKey
from audit.transparency.new_log import rotate_key
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py audit_rotate_key`: see `--help`."""

    help = "Make a new key for the audit log. Checkpoints are then signed by the new and the old keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="a superuser")

    def handle(self, *, name: str, **_options: object) -> None:
        """Make the key and print its public part. Raises CommandError where it is refused."""
        try:
            signer = rotate_key(actor=confirmed(name))
        except DomainError as error:
            raise CommandError(error.message) from error
        except NoLogKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(signer.vkey)
