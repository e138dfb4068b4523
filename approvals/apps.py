from importlib import import_module

from django.apps import AppConfig


class ApprovalsConfig(AppConfig):
    """Django app of the approval gate: requests, reviews, checks, cards and findings."""

    name = "approvals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("approvals.system_checks")
