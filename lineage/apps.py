from importlib import import_module

from django.apps import AppConfig


class LineageConfig(AppConfig):
    """The lineage app: the graph of runs, datasets, models, versions and deployments."""

    name = "lineage"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        import_module("lineage.system_checks")
