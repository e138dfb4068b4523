"""`manage.py hand_to_scim`: lets an identity provider provision, over SCIM, an account that is here already."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management import CommandError

from accounts.provisioning.accounts import hand_over
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py hand_to_scim NAME ID`: see `--help`."""

    help = "Let the identity provider that CUSTODY_SCIM_ACCOUNT belongs to change and deactivate an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("name", help="the username here, which is the userName that the provider sends")
        parser.add_argument("external_id", help="the provider's id of the person, which it sends as externalId")

    def handle(self, *, name: str, external_id: str, **_options: object) -> None:
        """Hand the account over. Raises CommandError where it is refused."""
        try:
            row = hand_over(actor=system_actor("command:hand_to_scim"), username=name, external_id=external_id)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{row.account.username} is provisioned over SCIM, as {row.external_id}.")
