"""The keys of the log: stored outside the database, made at the first start, read again for each signature."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings

from audit.transparency.notes import Signer, new_signer, parse_skey
from audit.transparency.state import STATE_FILE
from audit.verifier.audit_verify import BadNote


class NoLogKey(Exception):
    """This host has no usable key of the log. The message says where it was looked for."""


def prepare_log_key() -> None:
    """Create the key at the first start, readable by its owner only.

    Where a log exists already, no key is created: a host that joins the log needs a copy of its key.
    """
    path: Path = settings.LOG_KEY_FILE
    if settings.LOG_KEY or path.exists() or (Path(settings.LOG_STATE) / STATE_FILE).exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_keys(path, [new_signer(settings.LOG_ORIGIN or f"custody/{secrets.token_hex(4)}")], replace=False)


def write_keys(path: Path, signers: list[Signer], *, replace: bool) -> None:
    """Write keys to a file that only its owner can read. Without ``replace`` an existing file is not changed."""
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{signer.skey}\n" for signer in signers), encoding="utf-8")
    try:
        if replace:
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def log_signers() -> list[Signer]:
    """Return the keys of the log, the newest first: all of them sign. Raises NoLogKey."""
    path: Path = settings.LOG_KEY_FILE
    try:
        text = settings.LOG_KEY or path.read_text(encoding="utf-8")
        signers = [parse_skey(line) for line in text.split() if line]
    except (OSError, UnicodeDecodeError, BadNote) as error:
        raise NoLogKey(f"The key of the audit log in {path} cannot be used: {error}") from error
    if not signers or len({signer.name for signer in signers}) != 1:
        raise NoLogKey(f"{path} must hold the keys of one log, one a line.")
    return signers
