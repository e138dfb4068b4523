"""`manage.py publish_default_policies`: what `manage.py up` runs after the migrations."""

from __future__ import annotations

from typing import Any

from approvals.policy_changes.publish import ensure_default_policies
from core.actors import system_actor
from core.commands import InstallationCommand


class Command(InstallationCommand):
    """Publishes the default policies into a new database; does nothing to one that ever had a policy."""

    help = "Publish the default policies, if this database never had any (CUSTODY_DEFAULT_POLICIES=off: never)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Publish the default policies that are missing and print each revision that was published."""
        for revision in ensure_default_policies(actor=system_actor("publish_default_policies")):
            self.stdout.write(f"Published {revision}.")
