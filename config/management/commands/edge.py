"""`manage.py edge`: answers clients that wait for a change in Production, until it is stopped."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.edge.server import serve
from config.start import prepare_start


class Command(BaseCommand):
    """`manage.py edge`: see `--help`."""

    help = "Let clients wait for a change in Production, until SIGTERM. The database may be away meanwhile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, help="port to listen on (default CUSTODY_EDGE_PORT)")

    def handle(self, *, host: str, port: int | None, **_options: object) -> None:
        """Serve until a stop signal. Raises CommandError where the port cannot be used."""
        prepare_start()
        number = settings.EDGE_PORT if port is None else port
        if not 0 < number < 2**16:
            raise CommandError("CUSTODY_EDGE_PORT is 0: edge is switched off. Name a port with --port.")
        try:
            asyncio.run(serve(host, number, most=settings.EDGE_CLIENTS))
        except OSError as error:
            raise CommandError(f"Cannot listen on {host}, port {number}: {error.strerror or error}.") from error
