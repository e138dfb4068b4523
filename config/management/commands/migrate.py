"""Django's `migrate`, which first makes the data directory, and stops at a database that another version made.

On PostgreSQL no statement waits for a lock for long, because everybody who writes to the table would wait behind it: it
gives up, and the migration is tried again.
"""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoCommand
from django.db import OperationalError, connections
from psycopg.errors import LockNotAvailable

from config.data_directory import DataDirectoryUnusable
from config.start import prepare_start
from core.concurrent_indexes import lock_timeout
from core.schema_state import UnusableDatabase, require_known_schema

# Writers wait for less than a second even where a migration waits for the locks of two tables.
_LOCK_TIMEOUT = "400ms"
_PAUSE = 2.0
# For how long a migration is tried again (seconds).
_PATIENCE = 600.0


class Command(DjangoCommand):
    """`manage.py migrate`: see `--help`."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Migrate, after Django's checks of the database.

        Raises CommandError where the data directory or the database cannot be used.
        """
        try:
            prepare_start()
            require_known_schema()
        except (DataDirectoryUnusable, UnusableDatabase) as error:
            raise CommandError(str(error)) from error
        return super().execute(*args, **options)

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate, and try again while another transaction holds a lock that a migration needs.

        Raises OperationalError where it still holds it after ten minutes.
        """
        connection = connections[options["database"]]
        give_up = time.monotonic() + _PATIENCE
        with lock_timeout(connection, _LOCK_TIMEOUT):
            while True:
                try:
                    super().handle(*args, **options)
                except OperationalError as error:
                    if not isinstance(error.__cause__, LockNotAvailable) or time.monotonic() > give_up:
                        raise
                    self.stderr.write("Another transaction holds a lock that a migration needs. Trying again …")
                    time.sleep(_PAUSE)
                else:
                    return
