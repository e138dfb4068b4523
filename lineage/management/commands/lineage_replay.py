"""`manage.py lineage_replay`: derives the lineage again from the stored OpenLineage events."""

from __future__ import annotations

from argparse import ArgumentParser

from accounts.authentication import actor_from_user
from accounts.models import User
from core.actors import Actor
from core.commands import InstallationCommand
from core.ids import row_id
from lineage.openlineage.replay import replay


class Command(InstallationCommand):
    """`manage.py lineage_replay`: see `--help`."""

    help = "Derive runs, jobs, datasets and edges again from the stored OpenLineage events. Nothing is deleted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--subject", default="", help="only events about this subject, such as run:<id>")

    def handle(self, *, subject: str, **_options: object) -> None:
        """Replay the events, and print their number and the subjects that could not be replayed."""
        count, problems = replay(sender_of=_sender, subject=subject)
        for problem in problems:
            self.stderr.write(problem)
        self.stdout.write(f"{count} events were replayed.")


def _sender(ref: str) -> Actor | None:
    """Return the sender of events, None for a deleted or inactive account."""
    user = User.objects.filter(pk=row_id(ref.rpartition(":")[2]), is_active=True).first()
    return actor_from_user(user, auth="command", request_id="") if user else None
