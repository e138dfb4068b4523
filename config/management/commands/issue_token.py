"""`manage.py issue_token`: issues an API token and prints it, and nothing else, on standard output."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta

from django.core.management import CommandError

from accounts.models import User
from accounts.services import issue_token
from core.actors import ALL_SCOPES, system_actor
from core.commands import InstallationCommand
from core.errors import DomainError

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def duration(text: str) -> timedelta:
    """Return `90m`, `12h`, `30d` or `2w` as a duration. Raises ArgumentTypeError for any other text."""
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if match is None:
        msg = f"{text!r} is not a duration; write 90m, 12h, 30d or 2w"
        raise ArgumentTypeError(msg)
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


class Command(InstallationCommand):
    """`manage.py issue_token USER`: see `--help`."""

    help = "Issue an API token for a user. It is printed only now; the server stores its SHA-256."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("user")
        parser.add_argument(
            "--scope",
            action="append",
            help=f"one of {', '.join(sorted(ALL_SCOPES))}; may be repeated (default: all but accounts:provision)",
        )
        parser.add_argument(
            "--expires", type=duration, default=timedelta(days=90), help="90m, 12h, 30d, 2w (default 90d)"
        )
        parser.add_argument("--label", default="command line", help="the purpose of the token, shown beside it")

    def handle(self, *, user: str, scope: list[str] | None, expires: timedelta, label: str, **_options: object) -> None:
        """Issue the token. Raises CommandError where it is refused."""
        owner = User.objects.filter(username=user, is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no active user called {user}.")
        try:
            _token, secret = issue_token(
                actor=system_actor("command:issue_token"), user=owner, scopes=scope, expires_in=expires, label=label
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(secret)
