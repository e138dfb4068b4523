"""Creates the data directory at a start: the directory, the secret key and the folder of static files.

The settings only read, so that `manage.py check` and the like work without a data directory. These call
`prepare_data_directory` first: `manage.py up` and `migrate`, the web server (config/wsgi.py), and Celery's workers and
scheduler (config/celery.py).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from config import env


class DataDirectoryUnusable(Exception):
    """The data directory cannot be made or written to. The message says which one and why."""


def prepare_data_directory(data: Path) -> None:
    """Make the missing files and folders of a data directory. Raises DataDirectoryUnusable where that is impossible."""
    try:
        # Nobody else on the machine may read the database and the uploads. A directory that exists keeps its mode.
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        (data / "static").mkdir(exist_ok=True)  # WhiteNoise warns of one that is missing
        if not env.text("CUSTODY_SECRET_KEY"):
            _make_secret_key(env.secret_key_file(data))
    except OSError as error:
        raise DataDirectoryUnusable(
            f"The data directory {data} cannot be used: {error.strerror or error}. Name another with --data DIR or CUSTODY_DATA."
        ) from error


def _make_secret_key(path: Path) -> None:
    """Make the key once, readable by its owner only.

    Where several processes start together, the key of the first one stays.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(64), encoding="utf-8")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
