from importlib import import_module

from django.apps import AppConfig


class TrackingConfig(AppConfig):
    """The tracking app: experiments, runs, logged models, datasets and artifacts."""

    name = "tracking"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Stop the start, with the reason, where ``ARTIFACT_URL`` names an unknown store."""
        from tracking.store import current_store  # noqa: PLC0415 - settings are complete only now

        current_store()
        import_module("tracking.system_checks")
