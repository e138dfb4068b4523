"""Load the demonstration: real trainings and what became of them, through the public doors of a running server."""

from __future__ import annotations

from argparse import ArgumentParser

from django.conf import settings
from django.core.management import CommandError

from config.demonstration import AUTHORS, REVIEWER, Passwords, ensure_people, working_tokens
from core.commands import InstallationCommand
from core.errors import DomainError
from demo.client import Client, Refused, Session
from demo.story import DONE_MODEL, DONE_TAG, NotAdvancing, Story
from registry.models import RegisteredModelTag

_FAILURES = (Refused, NotAdvancing, ConnectionError, PermissionError, ValueError)


class Command(InstallationCommand):
    """`manage.py load_demo --url URL`: see `--help`."""

    help = (
        "Load the demonstration into the running server at URL. What is there already is left alone: run it again after a"
        " load that broke off, and it continues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="where the server answers, such as http://127.0.0.1:8080")

    def handle(self, *, url: str, **_options: object) -> None:
        passwords = Passwords(settings.DATA_DIR)
        if _is_loaded():
            self._say("The demonstration is loaded already.")
            return
        try:
            ensure_people(passwords)
        except DomainError as error:
            raise CommandError(error.message) from error
        self._load(url, passwords)
        # In a log file a password would be kept for longer than anybody meant it to be.
        self._say(passwords.invitation() if self.stdout.isatty() else f"Passwords are in {passwords.path}")

    def _load(self, url: str, passwords: Passwords) -> None:
        try:
            reviewer = Session(url, username=REVIEWER, password=passwords.of(REVIEWER))
            with working_tokens(AUTHORS) as tokens:
                clients = {name: Client(url, token=token) for name, token in tokens.items()}
                Story(clients, reviewer, say=self._say).tell()
        except _FAILURES as error:
            raise CommandError(f"The demonstration was not loaded to its end: {error}") from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _is_loaded() -> bool:
    """Return whether the story was told to its end; its last step leaves a tag."""
    return RegisteredModelTag.objects.filter(model__name=DONE_MODEL, model__deleted_at=None, key=DONE_TAG).exists()
