"""`manage.py audit_export FILE`: writes an export of the audit log to a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import CommandError

from audit.exports.selection import Filters
from audit.exports.service import record_request, require_readable, write_export
from audit.serializers import ExportQuery
from core.actors import system_actor
from core.commands import InstallationCommand
from core.errors import DomainError

_FILTERS = ("model", "version", "object", "actor", "action", "outcome", "request", "since", "until")
_PROGRESS_EVERY = 100_000


class Command(InstallationCommand):
    """`manage.py audit_export FILE`: see `--help`."""

    help = (
        "Write an export of the audit log: the whole log, or what the filters choose. Its manifest says what it proves."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("file", type=Path, help="the zip file to write; it must not exist")
        for name in _FILTERS:
            flag = "--model-version" if name == "version" else f"--{name}"  # --version is Django's own option
            parser.add_argument(
                flag, dest=f"filter_{name}", default="", help=f"as the parameter {name} of GET /api/v1/audit/export"
            )

    def handle(self, *, file: Path, **options: Any) -> None:
        """Write the file. Raises CommandError where that is refused; the file is then not there."""
        chosen = {name: options[f"filter_{name}"] for name in _FILTERS}
        query = ExportQuery(data={name: value for name, value in chosen.items() if value})
        if not query.is_valid():
            raise CommandError("; ".join(f"--{name}: {' '.join(map(str, why))}" for name, why in query.errors.items()))
        filters = Filters(**query.validated_data)
        draft = file.with_name(f"{file.name}.part")
        try:
            with draft.open("xb") as out:
                manifest = self._write(out, filters)
            file.hardlink_to(draft)
        except DomainError as error:
            raise CommandError(error.message) from error
        except OSError as error:
            raise CommandError(f"{file} cannot be written: {error.strerror or error}") from error
        finally:
            draft.unlink(missing_ok=True)
        claim = manifest["claim"]
        self.stdout.write(f"{claim['events']} events ({claim['kind']}): {claim['says']}.")

    def _write(self, out: Any, filters: Filters) -> dict[str, Any]:
        actor = system_actor("command:audit_export")
        stream = require_readable(actor, filters)
        request_event = record_request(actor=actor, filters=filters, stream=stream)
        return write_export(out, request_event, filters, stream, requested_by=actor.name, progress=self._progress)

    def _progress(self, done: int) -> None:
        if done % _PROGRESS_EVERY == 0:
            self.stderr.write(f"{done:,} events …")
