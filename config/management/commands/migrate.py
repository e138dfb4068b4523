"""Django's `migrate`, which first makes the data directory, and stops at a database that another version made."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as DjangoCommand

from config.data_directory import DataDirectoryUnusable
from config.start import prepare_start
from core.schema_state import UnusableDatabase, require_known_schema


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
