"""What only a new installation needs: somebody who can sign in, and whether the demonstration is to be loaded."""

from __future__ import annotations

import secrets
from pathlib import Path

from accounts.models import User
from accounts.services import create_user
from core.actors import system_actor

ADMIN = "admin"


class FirstAccount:
    """The account `admin` that a new installation starts with. Its password is kept in DATA/keys until it is changed."""

    def __init__(self, data: Path) -> None:
        self.password_file = data / "keys" / "first_password"

    def ensure(self) -> bool:
        """Create the account if there are no people yet; return whether it did."""
        if User.objects.exists():
            return False
        create_user(actor=system_actor("up"), username=ADMIN, password=self._make_password(), is_superuser=True)
        return True

    def password(self) -> str:
        """Return the password while it is still the one in the file, else nothing."""
        if not self.password_file.exists():
            return ""
        kept = self.password_file.read_text(encoding="utf-8").strip()
        user = User.objects.filter(username=ADMIN, is_active=True).first()
        return kept if user is not None and user.check_password(kept) else ""

    def _make_password(self) -> str:
        """Return a new password, after it has been kept: one that nobody can read any more would lock everybody out."""
        self.password_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.password_file.touch(mode=0o600)
        password = secrets.token_urlsafe(12)
        self.password_file.write_text(password + "\n", encoding="utf-8")
        return password


class Demonstration:
    """Whether the demonstration is wanted and whether it has been loaded, remembered in DATA/demo."""

    def __init__(self, data: Path) -> None:
        self._path = data / "demo"

    def decide(self, *, wanted: bool) -> None:
        """Decide once, on the first start."""
        if not self._path.exists():
            self._write("wanted" if wanted else "declined")

    @property
    def is_due(self) -> bool:
        """Return whether it is wanted and has not been loaded to its end."""
        return self._path.exists() and self._path.read_text(encoding="utf-8").strip() == "wanted"

    def note_loaded(self) -> None:
        """Remember that it need not be loaded again."""
        self._write("loaded")

    def _write(self, state: str) -> None:
        self._path.write_text(state + "\n", encoding="utf-8")
