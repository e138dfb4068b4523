"""Load the demonstration: real trainings and what became of them, through the public doors of a running server."""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from accounts.models import ApiToken, User
from accounts.services import create_user, issue_token, revoke_token
from approvals.models import RequestState, TransitionRequest
from audit.actors import Scope, system_actor
from demo.client import Client, Refused, Session
from demo.story import DONE_MODEL, DONE_TAG, NotAdvancing, Story
from registry.models import RegisteredModelTag

_ACTOR = system_actor("command:load_demo")
_PEOPLE: Mapping[str, tuple[str, ...]] = {"ada": (), "bea": ("reviewers",), "carl": ()}
_REVIEWER = "bea"
_SERVICE, _SERVICE_OWNER = "ci-payments", "ada"
_AUTHORS = ("ada", "carl", _SERVICE)
_TOKEN_LIFE = timedelta(hours=1)


class Command(BaseCommand):
    """`manage.py load_demo --url URL`: see `--help`."""

    help = (
        "Load the demonstration into the running server at URL. What is there already is left alone: run it again after a"
        " load that broke off, and it continues."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", required=True, help="where the server answers, such as http://127.0.0.1:8080")

    def handle(self, *, url: str, **_options: object) -> None:
        passwords = Passwords(settings.DATA_DIR / "keys" / "demo_passwords")
        if _is_loaded():
            self.stdout.write("The demonstration is loaded already.")
        else:
            self._load(url, passwords)
        self._invite(url, passwords)

    def _load(self, url: str, passwords: Passwords) -> None:
        _ensure_people(passwords)
        try:
            reviewer = Session(url, username=_REVIEWER, password=passwords.of(_REVIEWER))
            with _tokens(_AUTHORS) as tokens:
                clients = {name: Client(url, token=token) for name, token in tokens.items()}
                Story(clients, reviewer, say=self._say).tell()
        except (Refused, NotAdvancing, ConnectionError, PermissionError, ValueError) as error:
            raise CommandError(f"The demonstration was not loaded to its end: {error}") from error

    def _invite(self, url: str, passwords: Passwords) -> None:
        if TransitionRequest.objects.filter(state=RequestState.OPEN).exists():
            self._say(f"A request waits for a reviewer: {url}/admin/")
        self._say(
            f"  Sign in  {_REVIEWER}, password {passwords.of(_REVIEWER)}  (kept in {passwords.path}, with the others')"
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


class Passwords:
    """The passwords of the demonstration's people, one `name password` a line, readable by the owner alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def of(self, name: str) -> str:
        """Return the password of somebody, made and kept first where there is none: nobody is created with a lost one."""
        known = self._read()
        if name not in known:
            known[name] = secrets.token_urlsafe(12)
            self._write(known)
        return known[name]

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return {name: password for name, _, password in (line.partition(" ") for line in lines) if password}

    def _write(self, known: Mapping[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.touch(mode=0o600)
        self.path.write_text("".join(f"{name} {password}\n" for name, password in known.items()), encoding="utf-8")


def _is_loaded() -> bool:
    """Return whether the story was told to its end; its last step leaves a tag."""
    return RegisteredModelTag.objects.filter(model__name=DONE_MODEL, model__deleted_at=None, key=DONE_TAG).exists()


def _ensure_people(passwords: Passwords) -> None:
    for name, groups in _PEOPLE.items():
        password = passwords.of(name)
        user = User.objects.filter(username=name).first()
        if user is None:
            create_user(actor=_ACTOR, username=name, password=password, groups=groups)
        elif not user.check_password(password):
            raise CommandError(f"There is a user {name} already who is not the demonstration's. Nothing was loaded.")
    if not User.objects.filter(username=_SERVICE).exists():
        owner = User.objects.get(username=_SERVICE_OWNER)
        create_user(actor=_ACTOR, username=_SERVICE, is_service=True, owner=owner)


@contextmanager
def _tokens(names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Issue a token for each author, for as long as the load runs."""
    issued: list[ApiToken] = []
    secret_of = {}
    try:
        for name in names:
            token, secret_of[name] = issue_token(
                actor=_ACTOR,
                user=User.objects.get(username=name),
                scopes=[Scope.REGISTRY_READ, Scope.REGISTRY_WRITE],
                expires_in=_TOKEN_LIFE,
                label="demonstration",
            )
            issued.append(token)
        yield secret_of
    finally:
        for token in issued:
            revoke_token(actor=_ACTOR, token=token)
