"""`manage.py audit_new_log`: starts a new audit log after a disaster; two superusers have to agree."""

from __future__ import annotations

from argparse import ArgumentParser
from getpass import getpass
from pathlib import Path

from django.contrib.auth import authenticate
from django.core.management import CommandError

from audit.transparency.keys import NoLogKey
from audit.transparency.new_log import start_new_log
from core.actors import Actor, ActorKind
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py audit_new_log`: see `--help`."""

    help = "Start a new audit log in place of one that cannot continue. Its first event names the old log's last checkpoint."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--after", required=True, type=Path, help="the last checkpoint of the old log, as a file")
        parser.add_argument("--as", dest="first", required=True, metavar="NAME", help="a superuser")
        parser.add_argument("--and", dest="second", required=True, metavar="NAME", help="another superuser")

    def handle(self, *, after: Path, first: str, second: str, **_options: object) -> None:
        """Start the log. Raises CommandError where it is refused."""
        try:
            log = start_new_log(actor=confirmed(first), second=confirmed(second), after=after.read_bytes())
        except DomainError as error:
            raise CommandError(error.message) from error
        except (OSError, NoLogKey) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The log is now {log.origin}. Give its new public key (GET /audit/vkey) to your auditors.")


def confirmed(name: str) -> Actor:
    """Return the person, after they have typed their password.

    Raises CommandError for a wrong one, and where there is no terminal to type it in.
    """
    try:
        password = getpass(f"Password of {name}: ")
    except EOFError as error:
        raise CommandError(f"Run this in a terminal: {name} has to type their password.") from error
    user = authenticate(username=name, password=password)
    if user is None:
        raise CommandError(f"That is not the password of {name}, or there is no such account.")
    return Actor(
        kind=ActorKind.USER,
        name=user.get_username(),
        auth="command",
        user_id=user.pk,
        is_superuser=bool(getattr(user, "is_superuser", False)),
    )
