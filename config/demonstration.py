"""The accounts of the demonstration: people, passwords, and the tokens that loading it uses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from accounts.models import ApiToken, User
from accounts.services import create_user, issue_token, revoke_token
from core.actors import Scope, system_actor
from core.errors import Conflict

REVIEWER = "bea"
AUTHORS = ("ada", "carl", "ci-payments")
_ACTOR = system_actor("command:load_demo")
_PEOPLE: Mapping[str, tuple[str, ...]] = {"ada": (), REVIEWER: ("reviewers",), "carl": ()}
_SERVICE, _SERVICE_OWNER = "ci-payments", "ada"
_TOKEN_LIFE = timedelta(hours=1)


class Passwords:
    """The file of the passwords of the demonstration: a line `name password` each, readable by its owner only."""

    def __init__(self, data: Path) -> None:
        self.path = data / "keys" / "demo_passwords"

    def sign_in_hint(self) -> str:
        """Return the message after loading: whom to sign in as."""
        return f"Sign in as {REVIEWER}, password {self.of(REVIEWER)}, to review the waiting requests  (kept in {self.path})"

    def of(self, name: str) -> str:
        """Return the password of an account. A new one is stored before it is returned, so that none is lost."""
        passwords = self._read()
        if name not in passwords:
            passwords[name] = secrets.token_urlsafe(12)
            self._write(passwords)
        return passwords[name]

    def _read(self) -> dict[str, str]:
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").splitlines()
        return {name: password for name, _, password in (line.partition(" ") for line in lines) if password}

    def _write(self, passwords: Mapping[str, str]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.touch(mode=0o600)
        self.path.write_text("".join(f"{name} {password}\n" for name, password in passwords.items()), encoding="utf-8")


def ensure_people(passwords: Passwords) -> None:
    """Create the missing accounts.

    Raises Conflict where a name belongs to another account, whose password is not replaced.
    """
    for name, groups in _PEOPLE.items():
        password = passwords.of(name)
        user = User.objects.filter(username=name).first()
        if user is None:
            create_user(actor=_ACTOR, username=name, password=password, groups=groups)
        elif not user.check_password(password):
            raise Conflict(f"There is already a user {name} with another password. Nothing was loaded.")
    if not User.objects.filter(username=_SERVICE).exists():
        owner = User.objects.get(username=_SERVICE_OWNER)
        create_user(actor=_ACTOR, username=_SERVICE, is_service=True, owner=owner)


@contextmanager
def working_tokens(names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Yield an API token for each name; the tokens are revoked afterwards."""
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
