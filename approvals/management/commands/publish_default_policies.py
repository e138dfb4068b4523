"""`manage.py publish_default_policies`: publish the default policies. `manage.py up` runs it after the migrations."""

from __future__ import annotations

from typing import Any

from approvals.policy_changes.publish import ensure_default_policies
from core.actors import system_actor
from core.commands import InstallationCommand


class Command(InstallationCommand):
    """Publishes the default policies in a database that never had a policy."""

    help = "Publish the default policies, if this database never had any (CUSTODY_DEFAULT_POLICIES=off: never)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Publish the default policies, unless there ever was a policy, and print each published revision."""
        for revision in ensure_default_policies(actor=system_actor("publish_default_policies")):
            self.stdout.write(f"Published {revision}.")
