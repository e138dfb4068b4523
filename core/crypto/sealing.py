"""Encryption of stored secrets with a key derived from SECRET_KEY: a copy of the database alone reveals no secret."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """The stored secret was encrypted with another SECRET_KEY."""


def seal_for(purpose: bytes, secret: str) -> str:
    """Return a secret encrypted for the database, by a key of its own for each purpose; "" stays ""."""
    return _cipher(purpose).encrypt(secret.encode()).decode() if secret else ""


def unseal_for(purpose: bytes, sealed: str) -> str:
    """Return a stored secret, "" for "". Raises Unreadable where SECRET_KEY has changed since it was stored."""
    try:
        return _cipher(purpose).decrypt(sealed).decode() if sealed else ""
    except InvalidToken as error:
        raise Unreadable("The secret cannot be read because SECRET_KEY has changed. Set the secret again.") from error


def _cipher(purpose: bytes) -> MultiFernet:
    return _cipher_of(purpose, (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


@lru_cache(maxsize=8)
def _cipher_of(purpose: bytes, keys: Sequence[str]) -> MultiFernet:
    # SECRET_KEY has 64 random bytes, so one hash with a purpose of its own gives a good key.
    digests = (hashlib.sha256(purpose + key.encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
