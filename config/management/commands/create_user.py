"""`manage.py create_user`: creates a person, or a service account with its owner."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from getpass import getpass

from django.core.management import CommandError

from accounts.models import User
from accounts.services import create_user
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py create_user NAME`: see `--help`."""

    help = "Create a user. On a terminal it asks for a password; without one the user can only use API tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("name")
        parser.add_argument(
            "--group", action="append", default=[], help="reviewers, auditors, operators; may be repeated"
        )
        parser.add_argument(
            "--superuser", action="store_true", help="may administer everything; to approve it needs a group as well"
        )
        parser.add_argument(
            "--service", action="store_true", help="a service account: uses API tokens only and cannot approve"
        )
        parser.add_argument("--owner", help="the person a service account belongs to")
        parser.add_argument(
            "--password-stdin", action="store_true", help="read the password from the first line of input"
        )

    def handle(
        self,
        *,
        name: str,
        group: list[str],
        superuser: bool,
        service: bool,
        owner: str | None,
        password_stdin: bool,
        **_options: object,
    ) -> None:
        """Create the account. Raises CommandError where it is refused."""
        if service and (superuser or password_stdin):
            raise CommandError("A service account has no password and cannot be a superuser.")
        if service != bool(owner):
            raise CommandError("A service account needs --service and --owner NAME.")
        password = None if service else _password(from_input=password_stdin)
        try:
            user = create_user(
                actor=system_actor("command:create_user"),
                username=name,
                password=password,
                groups=group,
                is_superuser=superuser,
                is_service=service,
                owner=_person(owner) if owner else None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Created {user.username}" + ("." if password else ", without a password."))


def _person(name: str) -> User:
    person = User.objects.filter(username=name).first()
    if person is None:
        raise CommandError(f"There is no user called {name}.")
    return person


def _password(*, from_input: bool) -> str | None:
    """Return the password from standard input or the terminal; None without a terminal, and for an empty one.

    Raises CommandError.
    """
    if from_input:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise CommandError("--password-stdin: there is no password on standard input.")
        return line
    if not sys.stdin.isatty():
        return None
    line = getpass("Password (empty for none): ")
    if line and getpass("Again: ") != line:
        raise CommandError("The passwords differ. Nothing was created.")
    return line or None
