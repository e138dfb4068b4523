"""`manage.py load_demo`: loads the demonstration through the public APIs of a running server."""

from __future__ import annotations

from argparse import ArgumentParser

from django.conf import settings
from django.core.management import CommandError

from config.demonstration import AUTHORS, REVIEWER, Passwords, ensure_people, working_tokens
from core.commands import InstallationCommand
from core.errors import DomainError
from demo.client import Client, Refused, Session
from demo.scenario import DONE_MODEL, DONE_TAG, ChecksUnfinished, Scenario
from registry.models import RegisteredModelTag

_FAILURES = (Refused, ChecksUnfinished, ConnectionError, PermissionError, ValueError)


class Command(InstallationCommand):
    """`manage.py load_demo --url URL`: see `--help`."""

    help = (
        "Load the demonstration into the running server at URL. After a failure run it again: it continues, and changes"
        " nothing that it has loaded."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--url", required=True, help="the address of the server, such as http://127.0.0.1:8080")

    def handle(self, *, url: str, **_options: object) -> None:
        """Load the missing parts of the demonstration. Raises CommandError where that fails."""
        passwords = Passwords(settings.DATA_DIR)
        if _is_loaded():
            self._write_line("The demonstration is loaded already.")
            return
        try:
            ensure_people(passwords)
        except DomainError as error:
            raise CommandError(error.message) from error
        self._load(url, passwords)
        # A password must not get into a log file.
        self._write_line(passwords.sign_in_hint() if self.stdout.isatty() else f"Passwords are in {passwords.path}")

    def _load(self, url: str, passwords: Passwords) -> None:
        try:
            reviewer = Session(url, username=REVIEWER, password=passwords.of(REVIEWER))
            with working_tokens(AUTHORS) as tokens:
                clients = {name: Client(url, token=token) for name, token in tokens.items()}
                Scenario(clients, reviewer, write_line=self._write_line).load()
        except _FAILURES as error:
            raise CommandError(f"The demonstration was not loaded completely: {error}") from error

    def _write_line(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _is_loaded() -> bool:
    """Return whether the demonstration is complete: its last step sets a tag."""
    return RegisteredModelTag.objects.filter(model__name=DONE_MODEL, model__deleted_at=None, key=DONE_TAG).exists()
