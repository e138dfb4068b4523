"""Local passwords: whether people may sign in with a password that is kept here, or only at an identity provider."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User


def has_local_password(user: User) -> bool:
    """Return whether a person can prove who they are with a password that is kept here."""
    return bool(settings.LOCAL_PASSWORDS) and user.has_usable_password()


class LocalPasswordGate:
    """The first authentication backend: it refuses every password where CUSTODY_LOCAL_PASSWORDS is off."""

    def authenticate(self, request: HttpRequest | None, **_credentials: object) -> None:  # noqa: ARG002 - Django's signature
        """Return None, so that the next backend checks the password. Raises PermissionDenied where they are off."""
        if not settings.LOCAL_PASSWORDS:
            raise PermissionDenied
