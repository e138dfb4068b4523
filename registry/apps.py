from importlib import import_module

from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """The registry app: models, versions, aliases, cards, risk and deployments."""

    name = "registry"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks; they read models, which exist only now."""
        import_module("registry.system_checks")
