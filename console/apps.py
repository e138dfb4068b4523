from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """The app of the pages that people use."""

    name = "console"
    default_auto_field = "django.db.models.BigAutoField"
