"""`manage.py erase_person`: erases who a person was, after they have left."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management import CommandError

from accounts.erasure.service import KEPT, erase_person, erasure_of
from audit.management.commands.audit_new_log import confirmed
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py erase_person`: see `--help`."""

    help = (
        "Erase the name, the e-mail address and other data of a person whose account is deactivated. The audit log "
        "verifies as before. Prints what would be erased; --erase does it, and it cannot be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("username", help="the person")
        parser.add_argument("--as", dest="name", required=True, metavar="NAME", help="a superuser")
        parser.add_argument(
            "--reason", required=True, help="why, without the person's name; kept in the event for good"
        )
        parser.add_argument("--erase", action="store_true", help="erase; without it nothing is changed")

    def handle(self, *, username: str, name: str, reason: str, erase: bool, **_options: object) -> None:
        """Erase, or print what would be erased. Raises CommandError where it is refused."""
        try:
            actor = confirmed(name)
            erasure = (
                erase_person(actor=actor, username=username, reason=reason)
                if erase
                else erasure_of(actor=actor, username=username)
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{'Erased' if erase else 'Would erase'}:")
        for label, count in erasure.rows or (("nothing", 0),):
            self.stdout.write(f"- {label}: {count}")
        self.stdout.write("Stays:")
        for label, why in KEPT:
            self.stdout.write(f"- {label}: {why}")
        self.stdout.write(f"Pages and exports show “{erasure.pseudonym}”; the account is called {erasure.username}.")
        if not erase:
            self.stdout.write("Nothing was changed. Repeat with --erase to erase it for good.")
