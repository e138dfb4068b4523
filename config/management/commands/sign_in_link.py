"""`manage.py sign_in_link`: prints a link that signs a person in once, for when nothing else does."""

from __future__ import annotations

from argparse import ArgumentParser

from django.conf import settings
from django.core.management import CommandError
from django.urls import reverse

from accounts.sign_in_links import issue_sign_in_link
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py sign_in_link USER`: see `--help`."""

    help = "Print a link that signs a person in once, within ten minutes. It is recorded in the audit log."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("user")
        parser.add_argument("--url", default="", help="the address of this server (default: CUSTODY_BASE_URL)")

    def handle(self, *, user: str, url: str, **_options: object) -> None:
        """Print the link. Raises CommandError where it is refused."""
        base = (url or settings.BASE_URL).rstrip("/")
        if not base:
            raise CommandError("Say with --url where this server is reached, such as https://models.example.com.")
        try:
            secret = issue_sign_in_link(actor=system_actor("command:sign_in_link"), username=user)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(base + reverse("console:sign_in_link", args=[secret]))
