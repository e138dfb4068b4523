"""The base class of commands that work on the database of an installation."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.schema_state import UnusableDatabase, require_current_schema


class InstallationCommand(BaseCommand):
    """A command that first makes sure that there is a database of this version, and reports where there is none."""

    def needs_database(self, options: dict[str, Any]) -> bool:  # noqa: ARG002 - subclasses read them
        """Return whether the command reads or writes the database with these options."""
        return True

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command.

        Raises CommandError where the database is missing, of another version, or does not answer.
        """
        if self.needs_database(options):
            try:
                require_current_schema()
            except UnusableDatabase as error:
                raise CommandError(str(error)) from error
        return super().execute(*args, **options)
