"""Django's sessions in the database, for keys that a session can have.

A cookie in quotes can hold any byte (`"\\000"`), and PostgreSQL refuses a NUL byte: the page would be an error of the
server.
"""

from __future__ import annotations

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions


class SessionStore(DatabaseSessions):
    """A session of the database. A key of other characters than letters and digits is that of no session."""

    def _validate_session_key(self, key: str) -> bool:
        return super()._validate_session_key(key) and is_session_key(key)  # type: ignore[misc]  # Django's hook has no types


def is_session_key(key: str) -> bool:
    """Return whether a session can have this key."""
    return key.isascii() and key.isalnum()
