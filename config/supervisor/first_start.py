"""The first start of an installation: the first account, and whether the demonstration is loaded."""

from __future__ import annotations

import secrets
from pathlib import Path

from accounts.local_passwords import has_local_password
from accounts.models import User
from accounts.services import create_user
from core.actors import system_actor

ADMIN = "admin"


class FirstAccount:
    """The account `admin` of a new installation.

    Its password is in DATA/keys/first_password until somebody changes it.
    """

    def __init__(self, data: Path) -> None:
        self.password_file = data / "keys" / "first_password"

    def ensure(self) -> bool:
        """Create the account where no account exists; return whether it was created."""
        if User.objects.exists():
            return False
        create_user(actor=system_actor("up"), username=ADMIN, password=self._make_password(), is_superuser=True)
        return True

    def password(self) -> str:
        """Return the password while the one in the file is still valid, else ""."""
        if not self.password_file.exists():
            return ""
        stored = self.password_file.read_text(encoding="utf-8").strip()
        user = User.objects.filter(username=ADMIN, is_active=True).first()
        is_valid = user is not None and has_local_password(user) and user.check_password(stored)
        return stored if is_valid else ""

    def _make_password(self) -> str:
        """Return a new password. It is stored first: a lost password would lock everybody out."""
        self.password_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.password_file.touch(mode=0o600)
        password = secrets.token_urlsafe(12)
        self.password_file.write_text(password + "\n", encoding="utf-8")
        return password


class Demonstration:
    """The state of the demonstration, in the file DATA/demo: wanted, declined or loaded."""

    def __init__(self, data: Path) -> None:
        self._path = data / "demo"

    def decide(self, *, is_requested: bool) -> None:
        """Store whether it is wanted, on the first start only."""
        if not self._path.exists():
            self._write("wanted" if is_requested else "declined")

    @property
    def is_due(self) -> bool:
        """True while it is wanted and not loaded yet."""
        return self._path.exists() and self._path.read_text(encoding="utf-8").strip() == "wanted"

    def mark_loaded(self) -> None:
        """Store that it is loaded."""
        self._write("loaded")

    def _write(self, state: str) -> None:
        self._path.write_text(state + "\n", encoding="utf-8")
