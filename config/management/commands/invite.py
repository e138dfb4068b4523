"""`manage.py invite`: lets a person make an account at their first sign-in with an identity provider."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta

from django.core.management import CommandError

from accounts.oidc.invitations import invite
from config.management.commands.issue_token import duration
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py invite PROVIDER EMAIL`: see `--help`."""

    help = "Invite a person to make an account with an identity provider. The provider must say that the address is theirs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("provider", help="the id of an identity provider, as in CUSTODY_OIDC")
        parser.add_argument("email")
        parser.add_argument("--username", default="", help="the username (default: what the provider sends)")
        parser.add_argument(
            "--expires", type=duration, default=timedelta(days=14), help="90m, 12h, 30d, 2w (default 14d, at most 90d)"
        )

    def handle(self, *, provider: str, email: str, username: str, expires: timedelta, **_options: object) -> None:
        """Invite the person. Raises CommandError where it is refused."""
        try:
            invitation = invite(
                actor=system_actor("command:invite"),
                provider=provider,
                email=email,
                username=username,
                expires_in=expires,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Invited {invitation.email} until {invitation.expires_at:%Y-%m-%d %H:%M} UTC.")
