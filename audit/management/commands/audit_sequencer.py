"""`manage.py audit_sequencer`: numbers events, publishes tiles and signs checkpoints, until it is stopped."""

from __future__ import annotations

import logging
import signal
import threading
from argparse import ArgumentParser
from collections.abc import Callable

from django.conf import settings
from django.db import Error, close_old_connections, connection

from audit.siem.service import send_events
from audit.transparency.sequencer import Sequencer
from audit.witnesses.service import ask_witnesses
from core.commands import InstallationCommand

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.2
_AFTER_ERROR_SECONDS = 1.0
_RECEIVERS_SECONDS = 1.0


class Command(InstallationCommand):
    """`manage.py audit_sequencer`: see `--help`."""

    help = "Number the events of the audit log and sign checkpoints, until SIGTERM. Several may run: one is active."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--once", action="store_true", help="number and sign the waiting events, and end")

    def handle(self, *, once: bool, **_options: object) -> None:
        """Run rounds until a stop signal. While the database does not answer, try again each second."""
        sequencer = Sequencer()
        if once:
            signed = sequencer.run_once()
            self.stdout.write("nothing signed" if signed is None else f"{signed} events signed")
            return
        stop = threading.Event()
        threading.Thread(target=_repeat, args=(stop, settings.WITNESSES, ask_witnesses), daemon=True).start()
        threading.Thread(target=_repeat, args=(stop, settings.SIEM, send_events), daemon=True).start()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            try:
                busy = sequencer.run_once()
                pause = 0.0 if busy else _PAUSE_SECONDS
            except Error:
                logger.warning("the database does not answer", exc_info=True)
                connection.close()
                pause = _AFTER_ERROR_SECONDS
            close_old_connections()
            stop.wait(pause or _PAUSE_SECONDS / 4)


def _repeat(stop: threading.Event, receivers: list[str], work: Callable[[], int]) -> None:
    """Call ``work`` again and again while there are receivers, in a thread of its own: it never delays signing."""
    pause = _RECEIVERS_SECONDS
    while receivers and not stop.wait(pause):
        try:
            pause = _PAUSE_SECONDS if work() else _RECEIVERS_SECONDS
        except (Error, OSError):
            logger.warning("receivers of the audit log were not served", exc_info=True)
            connection.close()
        close_old_connections()
