"""The key that signs statements of approvals: outside the database, and not the key of the log."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings

from audit.transparency.keys import write_keys
from audit.transparency.notes import Signer, new_signer, parse_skey
from audit.verifier.audit_verify import BadNote
from core.errors import Unavailable


def prepare_statement_key() -> None:
    """Make the key at the first start, readable by its owner only."""
    path: Path = settings.STATEMENT_KEY_FILE
    if settings.STATEMENT_KEY or path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_keys(path, [new_signer(f"custody-approvals/{secrets.token_hex(4)}")], replace=False)


def statement_signers() -> list[Signer]:
    """Return the keys, the newest first: all of them sign. Raises Unavailable where this host has none."""
    path: Path = settings.STATEMENT_KEY_FILE
    try:
        text = settings.STATEMENT_KEY or path.read_text(encoding="utf-8")
        signers = [parse_skey(line) for line in text.split() if line]
    except (OSError, UnicodeDecodeError, BadNote) as error:
        raise Unavailable(f"This host has no usable key for statements of approvals: {error}") from error
    if not signers:
        raise Unavailable(f"{path} holds no key for statements of approvals.")
    return signers
