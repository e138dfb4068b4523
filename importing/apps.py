from django.apps import AppConfig


class ImportingConfig(AppConfig):
    """The app that imports from MLflow servers."""

    name = "importing"
    default_auto_field = "django.db.models.BigAutoField"
