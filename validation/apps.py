from importlib import import_module

from django.apps import AppConfig


class ValidationConfig(AppConfig):
    """Django app of the validation checks."""

    name = "validation"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("validation.system_checks")
