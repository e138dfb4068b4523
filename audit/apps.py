from importlib import import_module

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """The app of the audit log."""

    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("audit.system_checks")
