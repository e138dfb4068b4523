"""The first step of every process that serves, works or migrates: a data directory it can use."""

from __future__ import annotations

from django.conf import settings

from approvals.statements.keys import prepare_statement_key
from audit.transparency.keys import prepare_log_key
from config import env
from config.data_directory import prepare_data_directory


def prepare_start() -> None:
    """Make the missing files of the data directory, and read the secret key again, which may be new.

    Raises DataDirectoryUnusable.
    """
    prepare_data_directory(settings.DATA_DIR)
    prepare_log_key()
    prepare_statement_key()
    settings.SECRET_KEY = env.secret_key(settings.DATA_DIR)
