"""`manage.py audit_continue_log`: lets the audit log of a restored database continue; two superusers have to agree."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management import CommandError

from audit.management.commands.audit_new_log import confirmed
from audit.transparency.continue_log import continue_log
from audit.transparency.keys import NoLogKey
from audit.transparency.state import StateUnreadable
from core.commands import InstallationCommand
from core.errors import DomainError


class Command(InstallationCommand):
    """`manage.py audit_continue_log`: see `--help`."""

    help = (
        "Let the audit log of a restored database continue after the last checkpoint that anybody has. Use it only where "
        "nothing was signed after that checkpoint; otherwise start a new log with audit_new_log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--after", required=True, type=Path, help="the last checkpoint of the log, as a file")
        parser.add_argument("--as", dest="first", required=True, metavar="NAME", help="a superuser")
        parser.add_argument("--and", dest="second", required=True, metavar="NAME", help="another superuser")

    def handle(self, *, after: Path, first: str, second: str, **_options: object) -> None:
        """Let the log continue. Raises CommandError where it is refused."""
        try:
            log = continue_log(actor=confirmed(first), second=confirmed(second), after=after.read_bytes())
        except DomainError as error:
            raise CommandError(error.message) from error
        except (OSError, NoLogKey, StateUnreadable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"The log {log.origin} continues after {log.size} events.")
