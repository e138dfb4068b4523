"""Usernames as they are stored: normalized (NFKC), of limited length, and the digest of what a reader sees of them."""

from __future__ import annotations

import hashlib

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError

from core.look_alikes import look_alike_key

LONGEST_USERNAME = 150


def check_username(username: str) -> None:
    """Raise ValidationError for a normalized username that is too long or has characters that none may have.

    Normalization (NFKC) makes some characters longer, up to 18 times, and may write spaces.
    """
    if len(username) > LONGEST_USERNAME:
        raise too_long(username)
    try:
        UnicodeUsernameValidator()(username)
    except ValidationError as error:
        raise ValidationError({"username": error.messages}) from error


def too_long(username: str) -> ValidationError:
    """Return the error for a normalized username that is too long."""
    message = f"This username has {len(username)} characters after normalization. It may have {LONGEST_USERNAME}."
    return ValidationError({"username": message})


def username_digest(username: str) -> str:
    """Return the SHA-256 of what a reader sees of a username (core/look_alikes.py), as 64 hexadecimal digits."""
    return hashlib.sha256(look_alike_key(username).encode()).hexdigest()
