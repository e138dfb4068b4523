"""Encryption of the secrets of webhooks and chats (core/crypto/sealing.py)."""

from __future__ import annotations

from core.crypto.sealing import Unreadable, seal_for, unseal_for

__all__ = ["Unreadable", "seal", "unseal"]

_PURPOSE = b"custody webhook signing keys\x00"


def seal(secret: str) -> str:
    """Return a secret encrypted for the database; "" stays ""."""
    return seal_for(_PURPOSE, secret)


def unseal(sealed: str) -> str:
    """Return a stored secret, "" for "". Raises Unreadable where SECRET_KEY has changed since it was stored."""
    return unseal_for(_PURPOSE, sealed)
